"""The commands about one model: how much memory it would need, and how good a checkpoint of it is."""

from pathlib import Path
from typing import Annotated

import typer

from paretune.cli import estimate_options, options
from paretune.cli.commands import Commands

on_models = Commands()


@on_models.command(
    epilog="Example: paretune estimate --model meta-llama/Llama-3.2-3B --method lora,full --max-memory 24GB"
)
def estimate(  # noqa: PLR0917 (one for each option)
    model: estimate_options.ModelName,
    method: estimate_options.EstimatedMethods = None,
    batch_size: estimate_options.BatchSize = 4,
    sequence_length: estimate_options.SequenceLength = None,
    data: estimate_options.LongestData = None,
    dtype: estimate_options.BaseDtype = "bfloat16",
    trainable_dtype: estimate_options.TrainableDtype = "float32",
    optimizer: estimate_options.OptimizerName = "adamw",
    gradient_checkpointing: estimate_options.GradientCheckpointing = False,
    loss_chunks: estimate_options.LossChunks = 1,
    quantisation: estimate_options.Quantisation = None,
    max_memory: estimate_options.Budgets = None,
    gpu: estimate_options.Gpu = None,
    devices: estimate_options.NumDevices = 1,
    cpu_offload: estimate_options.CpuOffload = False,
    device: estimate_options.Device = "cuda",
    answer_batch_size: estimate_options.AnswerBatchSize = 16,
    prompt_length: estimate_options.PromptLength = None,
    new_tokens: estimate_options.NewTokens = 256,
    resolution: estimate_options.Resolution = 512,
    set_values: estimate_options.MethodParameters = None,
    picture: estimate_options.ChartFile = None,
    keep_in: estimate_options.KeepIn = None,
    json: options.AsJson = False,
) -> None:
    """Predict the memory of training and generation.

    Needs the model's configuration only: no weights, no GPU. Takes seconds to half a minute for each method; several
    are reported one by one as they are done.
    """
    from paretune.cli.estimate import show_estimates

    recipe = {"batch_size": batch_size, "dtype": dtype, "trainable_dtype": trainable_dtype, "optimizer": optimizer}
    recipe |= {"gradient_checkpointing": gradient_checkpointing, "answer_batch_size": answer_batch_size}
    recipe |= {"quantisation": quantisation, "loss_chunks": loss_chunks}
    settings = {"sequence_length": sequence_length, "data": data, "device": device}
    settings |= {"prompt_length": prompt_length, "new_tokens": new_tokens, "num_devices": devices, "gpu": gpu}
    settings["cpu_offload"] = cpu_offload
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
    json: options.AsJson = False,
) -> None:
    """Evaluate a saved checkpoint on the test questions of a task."""
    from paretune.cli.evaluate import evaluate_checkpoint

    evaluate_checkpoint(
        checkpoint, task, model, limit, task_options=task_option or [], forgetting=forgetting, as_json=json
    )


@on_models.command(epilog="Example: paretune convert results/demo/adapters/0123456789abcdef-1 --rank 8,32 -o converted")
def convert(  # noqa: PLR0917 (one for each option)
    checkpoint: Annotated[Path, typer.Argument(help="Folder of a saved adapter or model.", metavar="CHECKPOINT")],
    out: Annotated[Path, typer.Option("-o", "--out", help="Folder; each rank gets a folder in it.")],
    to: Annotated[str, typer.Option(help="What to convert it to: lora.")] = "lora",
    rank: Annotated[str, typer.Option(help="Ranks, separated by commas.")] = "16",
    questions: Annotated[
        int,
        typer.Option(min=0, help="Test questions that original and each rank answer, to compare them (default: none)."),
    ] = 0,
    linear_only: Annotated[
        bool, typer.Option("--linear-only", help="Leave out what changes outside linear layers, such as embeddings.")
    ] = False,
    model: Annotated[
        str | None, typer.Option(help="Base model (default: the one that the checkpoint was trained on).")
    ] = None,
    json: options.AsJson = False,
) -> None:
    """Write a checkpoint as plain LoRA, which most servers can load.

    Works for what can be merged into linear layers, such as OFT, HRA and SHiRA, and with --linear-only for full
    fine-tuning. Says what share of the change of the weights each rank loses.
    """
    from paretune.cli.convert import convert_checkpoint

    convert_checkpoint(
        checkpoint, to, rank, out, linear_only=linear_only, questions=questions, model=model, as_json=json
    )
