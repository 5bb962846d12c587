"""What a study's plan would cost on another base model or GPU."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, NamedTuple

from paretune.spec import InputError, Record, Trial

if TYPE_CHECKING:
    from paretune.analysis.table.projection import Card, Projection
    from paretune.spec.compute import StepTokens


class Elsewhere(NamedTuple):
    """What a plan would take, and where."""

    found: "Projection"
    model: str
    card: "Card | None"


def project(records: Sequence[Record], model: str | None, gpu: str | None, folder: str) -> Elsewhere:
    """Return what the trials of these records would take on a model, by default theirs, and with a GPU.

    Raises `InputError` for a model or GPU that is not known, and records from which nothing can be projected.
    """
    card = None if gpu is None else card_named(gpu)
    timed = [record for record in records if record.step_seconds]
    if not timed:
        raise InputError(f"{folder}: no trial here has step times, from which --at and --gpu could project")

    from paretune.analysis.table.projection import projected
    from paretune.estimate.compute import model_compute, shape_named
    from paretune.models.shapes import shape_at_hand

    base = timed[0].trial.base_model
    here = model_compute(shape_at_hand(base))
    there = here if model is None else model_compute(shape_named(model))
    return Elsewhere(projected(records, here, there, tokens_counter(), card), there.model, card)


def card_named(gpu: str) -> "Card":
    """Return a card to project to. Raises `InputError` for one that is not known or has no speed in bfloat16."""
    from paretune.analysis.table.projection import Card
    from paretune.estimate.gpus import find_gpu

    try:
        found = find_gpu(gpu)
    except ValueError as error:
        raise InputError(f"--gpu: {error}") from None
    if found.bf16_flops is None:
        raise InputError(f"--gpu: {found.name} has no products in bfloat16, from which a time is projected")
    return Card(found.name, found.bf16_flops)


def tokens_counter(step_tokens: "Callable[[Trial], StepTokens] | None" = None) -> "Callable[[Trial], StepTokens]":
    """Return a function that counts the tokens of a trial's steps, once for trials that train on the same batches."""
    from paretune.estimate import compute

    count = step_tokens or compute.step_tokens
    counted: dict[str, StepTokens] = {}

    def tokens_of(trial: Trial) -> "StepTokens":
        recipe = trial.recipe.model_dump_json(
            include={"batch_size", "gradient_accumulation", "max_length", "data_order", "loss_on", "compile"}
        )
        key = f"{trial.task.canonical_json()} {recipe}"
        if key not in counted:
            counted[key] = count(trial)
        return counted[key]

    return tokens_of
