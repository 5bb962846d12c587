"""The options of `paretune estimate`: what a memory prediction depends on."""

from pathlib import Path
from typing import Annotated

import typer

ModelName = Annotated[str, typer.Option(help="Model name on the hub, folder, or config.json. Weights are never read.")]
EstimatedMethods = Annotated[
    list[str] | None,
    typer.Option(help="Method (default: lora), several separated by commas, or all. May be repeated."),
]
BatchSize = Annotated[int, typer.Option(min=1, help="Examples per forward pass in training; run has 8 by default.")]
SequenceLength = Annotated[
    int | None,
    typer.Option(
        min=1,
        help="Tokens in the longest training example, with those of its image (default: 512 of text, or the model's "
        "most).",
    ),
]
LongestData = Annotated[Path | None, typer.Option(help="Your data: the batch is made of its longest examples.")]
BaseDtype = Annotated[
    str, typer.Option(help="Dtype of the base weights: bfloat16 or float32; run has float32 by default.")
]
TrainableDtype = Annotated[str, typer.Option(help="Dtype of the trainable parameters: float32 or as_base.")]
OptimizerName = Annotated[str, typer.Option(help="Optimizer: adamw or sgd.")]
GradientCheckpointing = Annotated[bool, typer.Option(help="Recompute activations in the backward pass to save memory.")]
LossChunks = Annotated[int, typer.Option(help="Parts in which logits and their loss are computed, one after another.")]
Quantisation = Annotated[
    str | None, typer.Option(help="Quantise the linear layers of the base model: nf4, fp4, int8 or int8-torchao.")
]
Budgets = Annotated[
    list[str] | None,
    typer.Option(
        help="Memory that PyTorch may reserve: does training fit, and with what batch size? The CUDA context, some "
        "hundred MB, comes on top: 24GB leaves room for it on a card of 24 GB (24,564 MiB, which are "
        "25.8 GB). May be repeated."
    ),
]
Gpu = Annotated[
    str | None,
    typer.Option(help="GPU such as h100, a100 or l40s: uses its memory as --max-memory, and its cuBLAS workspaces."),
]
NumDevices = Annotated[int, typer.Option(min=1, help="Number of devices that training is sharded over (FSDP2).")]
CpuOffload = Annotated[
    bool,
    typer.Option("--cpu-offload", help="With --devices: slices, their gradients and optimizer states in main memory."),
]
Device = Annotated[str, typer.Option(help="Device: cuda or cpu.")]
AnswerBatchSize = Annotated[int, typer.Option(min=1, help="Batch size of generation.")]
PromptLength = Annotated[
    int | None, typer.Option(min=1, help="Tokens in a prompt of generation (default: half the sequence length).")
]
NewTokens = Annotated[int, typer.Option(min=1, help="Tokens that are generated per answer.")]
Resolution = Annotated[int, typer.Option(min=16, help="Height and width of an image in pixels.")]
MethodParameters = Annotated[
    list[str] | None, typer.Option("--set", help="Parameter of the methods, such as r=64. May be repeated.")
]
ChartFile = Annotated[Path | None, typer.Option(help="Write a chart of the memory by kind to this .png or .html file.")]
KeepIn = Annotated[
    Path | None,
    typer.Option(help="Folder of a study: its page and recommend will show these estimates next to measured values."),
]
