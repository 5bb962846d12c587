"""The one table of metrics. Every other place takes names, units, directions and definitions from here."""

from collections.abc import Iterable
from enum import StrEnum
from typing import NamedTuple


class Phase(StrEnum):
    """The named parts of a trial. Every duration and every peak belongs to one."""

    LOAD = "load"
    PREPARE = "prepare"
    MEASURE = "measure"
    TRAIN = "train"
    VALIDATE = "validate"
    SAVE = "save"
    RELOAD = "reload"
    TEST = "test"
    RETAIN = "retain"


class Direction(StrEnum):
    """Which way is better."""

    HIGHER = "higher"
    LOWER = "lower"


class Unit(StrEnum):
    """What a value counts. Records hold base units; screens may show multiples (GB = 10^9 bytes)."""

    FRACTION = "fraction"
    BYTES = "bytes"
    SECONDS = "seconds"
    COUNT = "count"
    NATS = "nats per token"
    COSINE = "cosine"


class Metric(NamedTuple):
    """One value a record may carry."""

    name: str
    label: str
    unit: Unit
    direction: Direction
    phase: Phase | None
    """None for a reading that covers several phases: other people's, as their results are imported."""
    definition: str


METRICS: dict[str, Metric] = {
    metric.name: metric
    for metric in (
        Metric(
            "accuracy", "Accuracy", Unit.FRACTION, Direction.HIGHER, Phase.TEST,
            "Share of questions whose answer is right and written in the form the task asks for (strict reader).",
        ),
        Metric(
            "accuracy_lenient", "Accuracy (lenient)", Unit.FRACTION, Direction.HIGHER, Phase.TEST,
            "Share of questions whose answer is right, whatever its form (lenient reader).",
        ),
        Metric(
            "accuracy_published", "Accuracy (their rule)", Unit.FRACTION, Direction.HIGHER, Phase.TEST,
            "Share of questions that the answer rule of the benchmark's authors counts as right, where it has one.",
        ),
        Metric(
            "similarity", "Similarity", Unit.COSINE, Direction.HIGHER, Phase.TEST,
            "Mean cosine of the judge's features of each drawing and of the held-out picture with that caption.",
        ),
        Metric(
            "train_peak_bytes", "Training memory", Unit.BYTES, Direction.LOWER, Phase.TRAIN,
            "Most bytes held by tensors at once during training on the longest batches.",
        ),
        Metric(
            "run_peak_reserved_bytes", "Memory of the whole run", Unit.BYTES, Direction.LOWER, None,
            "Most bytes that the accelerator's allocator had reserved in training, validation and test together. "
            "Imported results only.",
        ),
        Metric(
            "train_peak_reserved_bytes", "Training memory (reserved)", Unit.BYTES, Direction.LOWER, Phase.TRAIN,
            "Most bytes that the accelerator's allocator had reserved during training. Imported results only.",
        ),
        Metric(
            "answer_peak_bytes", "Generation memory", Unit.BYTES, Direction.LOWER, Phase.TEST,
            "Most bytes held at once while `memory_answer_batch_size` times the longest prompt is answered in full, or "
            "so many pictures are drawn.",
        ),
        Metric(
            "step_seconds", "Step time", Unit.SECONDS, Direction.LOWER, Phase.TRAIN,
            "Median time of one optimizer step after the first two.",
        ),
        Metric(
            "train_seconds", "Training time", Unit.SECONDS, Direction.LOWER, Phase.TRAIN,
            "Sum over all optimizer steps, nothing else.",
        ),
        Metric(
            "reported_train_seconds", "Training time (as published)", Unit.SECONDS, Direction.LOWER, None,
            "What an imported result calls its training time; the record says what that clock covers.",
        ),
        Metric(
            "checkpoint_bytes", "Checkpoint", Unit.BYTES, Direction.LOWER, Phase.SAVE,
            "Bytes of the saved weights and configuration on disk.",
        ),
        Metric(
            "trainable_parameters", "Trainable", Unit.COUNT, Direction.LOWER, Phase.PREPARE,
            "Parameters that the optimizer updates, counted after the optimizer is created.",
        ),
        Metric(
            "forgetting", "Forgetting", Unit.NATS, Direction.LOWER, Phase.RETAIN,
            "Increase of the loss per token on general text over the base model, mean over texts.",
        ),
        Metric(
            "drift", "Drift", Unit.COSINE, Direction.LOWER, Phase.RETAIN,
            "How far drawings of other captions moved from the base model's, from the same noise: (1 - cosine "
            "of the judge's features) / 2, mean over drawings.",
        ),
        Metric(
            "validation_loss", "Validation loss", Unit.NATS, Direction.LOWER, Phase.VALIDATE,
            "Loss per answer token, or squared error of the velocity per element of an image, on the validation split.",
        ),
        Metric(
            "train_loss", "Training loss", Unit.NATS, Direction.LOWER, Phase.TRAIN,
            "Loss per answer token, or per element of an image, in the last optimizer step.",
        ),
        Metric(
            "answers_per_second", "Answers per second", Unit.COUNT, Direction.HIGHER, Phase.TEST,
            "Questions answered, or pictures drawn, per second of generation.",
        ),
    )
}  # fmt: skip

QUALITIES = ("accuracy", "similarity")
"""What a task is about: its rows are ranked by the first of these that they have."""
COSTS = (
    "train_peak_bytes", "run_peak_reserved_bytes", "train_peak_reserved_bytes", "step_seconds",
    "reported_train_seconds", "checkpoint_bytes", "trainable_parameters", "forgetting", "drift",
)  # fmt: skip
"""What quality is weighed against, in the order of the table."""


def main_quality(measured: Iterable[str]) -> str:
    """Return the metric that rows with these values are ranked by: accuracy where they have none of the qualities."""
    found = set(measured)
    return next((name for name in QUALITIES if name in found), QUALITIES[0])
