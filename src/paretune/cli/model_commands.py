"""The commands about one model: how much memory it would need, and how good a checkpoint of it is."""

from pathlib import Path
from typing import Annotated

import typer

from paretune.cli.commands import AsJson, Commands

on_models = Commands()


@on_models.command(
    epilog="Example: paretune estimate --model meta-llama/Llama-3.2-3B --method lora,full --max-memory 24GB"
)
def estimate(  # noqa: PLR0917 (one for each option)
    model: Annotated[str, typer.Option(help="Model name on the hub, folder, or config.json. Weights are never read.")],
    method: Annotated[
        list[str] | None,
        typer.Option(help="Method (default: lora), several separated by commas, or all. May be repeated."),
    ] = None,
    batch_size: Annotated[int, typer.Option(min=1, help="Examples per forward pass in training.")] = 4,
    sequence_length: Annotated[int | None, typer.Option(min=1, help="Tokens in the longest training example.")] = None,
    data: Annotated[Path | None, typer.Option(help="Your data: the batch is made of its longest examples.")] = None,
    dtype: Annotated[str, typer.Option(help="Dtype of the base weights: bfloat16 or float32.")] = "bfloat16",
    trainable_dtype: Annotated[
        str, typer.Option(help="Dtype of the trainable parameters: float32 or as_base.")
    ] = "float32",
    optimizer: Annotated[str, typer.Option(help="Optimizer: adamw or sgd.")] = "adamw",
    gradient_checkpointing: Annotated[
        bool, typer.Option(help="Recompute activations in the backward pass to save memory.")
    ] = False,
    quantised: Annotated[
        str | None, typer.Option(help="Quantise the linear layers of the base model: 4bit or 8bit.")
    ] = None,
    max_memory: Annotated[
        list[str] | None,
        typer.Option(help="Budget such as 24GB: does it fit, and with what batch size? May be repeated."),
    ] = None,
    gpu: Annotated[
        str | None,
        typer.Option(help="GPU such as h100, a100 or l40s: uses its memory as a budget, and its cuBLAS workspaces."),
    ] = None,
    devices: Annotated[int, typer.Option(min=1, help="Number of devices that training is sharded over (FSDP2).")] = 1,
    device: Annotated[str, typer.Option(help="Device: cuda or cpu.")] = "cuda",
    answer_batch_size: Annotated[int, typer.Option(min=1, help="Batch size of generation.")] = 16,
    prompt_length: Annotated[int | None, typer.Option(min=1, help="Tokens in a prompt of generation.")] = None,
    new_tokens: Annotated[int, typer.Option(min=1, help="Tokens that are generated per answer.")] = 256,
    resolution: Annotated[
        int, typer.Option(min=16, help="Height and width of an image in pixels, for diffusion models.")
    ] = 512,
    set_values: Annotated[
        list[str] | None, typer.Option("--set", help="Parameter of the methods, such as r=64. May be repeated.")
    ] = None,
    picture: Annotated[
        Path | None, typer.Option(help="Write a chart of the memory by kind to this .png or .html file.")
    ] = None,
    keep_in: Annotated[
        Path | None,
        typer.Option(
            help="Folder of a study: its page and recommend will show these estimates next to measured values."
        ),
    ] = None,
    json: AsJson = False,
) -> None:
    """Predict the memory of training and generation.

    Needs the model's configuration only: no weights, no GPU.
    """
    from paretune.cli.estimate import show_estimates

    recipe = {"batch_size": batch_size, "dtype": dtype, "trainable_dtype": trainable_dtype, "optimizer": optimizer}
    recipe |= {"gradient_checkpointing": gradient_checkpointing, "answer_batch_size": answer_batch_size}
    settings = {"sequence_length": sequence_length, "data": data, "quantised": quantised, "device": device}
    settings |= {"prompt_length": prompt_length, "new_tokens": new_tokens, "num_devices": devices, "gpu": gpu}
    show_estimates(
        model,
        ",".join(method or ["lora"]),
        set_values=set_values or [],
        max_memory=max_memory or [],
        picture=picture,
        keep_in=keep_in,
        as_json=json,
        settings={**settings, "resolution": resolution},
        recipe=recipe,
    )


@on_models.command(epilog="Example: paretune evaluate results/demo/adapters/0123456789abcdef-1 --task word_problems")
def evaluate(  # noqa: PLR0917 (one for each option)
    checkpoint: Annotated[Path, typer.Argument(help="Folder of a saved adapter or model.", metavar="CHECKPOINT")],
    task: Annotated[
        str | None, typer.Option(help="Task to evaluate on (default: the one that the checkpoint was trained on).")
    ] = None,
    model: Annotated[
        str | None, typer.Option(help="Base model (default: the one that the checkpoint was trained on).")
    ] = None,
    task_option: Annotated[
        list[str] | None, typer.Option(help="Option of the task as NAME=VALUE. May be repeated.")
    ] = None,
    limit: Annotated[int | None, typer.Option(min=1, help="Evaluate on the first N test questions only.")] = None,
    forgetting: Annotated[
        bool, typer.Option("--forgetting", help="Also measure forgetting: the change of the loss on general text.")
    ] = False,
    json: AsJson = False,
) -> None:
    """Evaluate a saved checkpoint on the test questions of a task."""
    from paretune.cli.evaluate import evaluate_checkpoint

    evaluate_checkpoint(
        checkpoint, task, model, limit, task_options=task_option or [], forgetting=forgetting, as_json=json
    )
