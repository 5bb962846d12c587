"""Metrics as data: what a value is called, what it counts and which way is better.

The table holds what Paretune measures itself. What a task scores is declared by the task, and travels with its trials.
"""

import math
from collections.abc import Iterable, Mapping
from enum import StrEnum
from functools import cache
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, ConfigDict, Field, model_validator

from paretune.spec.base import Data
from paretune.spec.general_text import BUILT_IN_TEXT


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
    POINTS = "points"
    PLAIN = "plain number"


class Metric(Data):
    """One value a record may carry."""

    model_config = ConfigDict(allow_inf_nan=False)

    name: str = Field(pattern=r"^[a-z][a-z0-9_]*$", max_length=60)
    """Small letters, digits and underscores: a column of SQL, and what options and limits name it by."""
    label: str = Field(min_length=1)
    """What people read: "Macro F1"."""
    unit: Unit = Unit.PLAIN
    direction: Direction = Direction.HIGHER
    low: float | None = None
    """The least value that it can have; None where there is none."""
    high: float | None = None
    phase: Phase | None = Phase.TEST
    """None for a reading that covers several phases: other people's, as their results are imported."""
    definition: str
    per: Literal["item", "corpus"] = "item"
    """What it is computed from: each item by itself, their mean being the value, or all items together."""
    items: str = "questions"
    """What the items are, in the plural."""

    @model_validator(mode="before")
    @classmethod
    def _bounds_of_a_share(cls, value: Any) -> Any:
        """Let bounds be left out where the unit has them."""
        if isinstance(value, dict) and value.get("unit") == Unit.FRACTION:
            return {"low": 0.0, "high": 1.0} | value
        return value

    @model_validator(mode="after")
    def _bounds_fit(self) -> Self:
        if self.unit is Unit.FRACTION and (self.low, self.high) != (0.0, 1.0):
            raise ValueError(f'metric "{self.name}": a fraction has low = 0 and high = 1')
        if self.low is not None and self.high is not None and self.low >= self.high:
            raise ValueError(f'metric "{self.name}": low = {self.low:g} must lie below high = {self.high:g}')
        return self

    @property
    def lower_is_better(self) -> bool:
        """Whether less is better."""
        return self.direction is Direction.LOWER

    @property
    def sign(self) -> float:
        """1 where more is better, -1 where less is: times a value, more is better."""
        return -1.0 if self.lower_is_better else 1.0

    @property
    def widest(self) -> float:
        """How far two values can be apart: infinitely far where it has no bounds."""
        return math.inf if self.low is None or self.high is None else self.high - self.low

    @property
    def is_share(self) -> bool:
        """Whether it is a mean of values from 0 to 1, one an item, such as the share of right answers."""
        return self.unit is Unit.FRACTION and self.per == "item"

    @property
    def words(self) -> str:
        """The label as it stands inside a sentence: "accuracy", "macro F1", "BLEU"."""
        return self.label[:1].lower() + self.label[1:] if self.label[1:2].islower() else self.label

    def within(self, value: float) -> float:
        """Return a value, moved to the nearest bound where it lies beyond one."""
        least = value if self.low is None else max(self.low, value)
        return least if self.high is None else min(self.high, least)

    def reaches(self, value: float, bound: float) -> bool:
        """Tell whether a value is at least as good as a bound; NaN is not."""
        return self.sign * value >= self.sign * bound


def _measured(  # noqa: PLR0917
    name: str,
    label: str,
    unit: Unit,
    direction: Direction,
    phase: Phase | None,
    definition: str,
    items: str = "questions",
) -> Metric:
    """Return a metric whose bounds are those of its unit."""
    low, high = _BOUNDS.get(unit, (0.0, None))
    return Metric(
        name=name,
        label=label,
        unit=unit,
        direction=direction,
        low=low,
        high=high,
        phase=phase,
        definition=definition,
        items=items,
    )


_BOUNDS: dict[Unit, tuple[float | None, float | None]] = {
    Unit.FRACTION: (0.0, 1.0),
    Unit.COSINE: (-1.0, 1.0),
    Unit.NATS: (None, None),
    Unit.POINTS: (-100.0, 100.0),
}

METRICS: dict[str, Metric] = {
    metric.name: metric
    for metric in (
        _measured(
            "accuracy", "Accuracy", Unit.FRACTION, Direction.HIGHER, Phase.TEST,
            "Share of questions whose answer is right and written in the form the task asks for (strict).",
        ),
        _measured(
            "accuracy_lenient", "Accuracy (lenient)", Unit.FRACTION, Direction.HIGHER, Phase.TEST,
            "Share of questions whose answer is right in any form (lenient).",
        ),
        _measured(
            "accuracy_published", "Accuracy (their rule)", Unit.FRACTION, Direction.HIGHER, Phase.TEST,
            "Share of questions that the answer rule of the benchmark's authors counts as right, where it has one.",
        ),
        _measured(
            "similarity", "Similarity", Unit.COSINE, Direction.HIGHER, Phase.TEST,
            "Mean cosine between the features of each generated image and of the held-out image with that caption.",
            "images",
        ),
        _measured(
            "train_peak_bytes", "Training memory", Unit.BYTES, Direction.LOWER, Phase.TRAIN,
            "Most bytes held by tensors at once during training on the longest batches.",
        ),
        _measured(
            "run_peak_reserved_bytes", "Memory of the whole run", Unit.BYTES, Direction.LOWER, None,
            "Most bytes that the accelerator's allocator had reserved in training, validation and test together. "
            "Imported results only.",
        ),
        _measured(
            "train_peak_reserved_bytes", "Training memory (reserved)", Unit.BYTES, Direction.LOWER, Phase.TRAIN,
            "Most bytes that the accelerator's allocator had reserved during training. Imported results only.",
        ),
        _measured(
            "answer_peak_bytes", "Generation memory", Unit.BYTES, Direction.LOWER, Phase.TEST,
            "Most bytes held at once while memory_answer_batch_size copies of the longest prompt are answered in "
            "full, or that many images are generated.",
        ),
        _measured(
            "step_seconds", "Step time", Unit.SECONDS, Direction.LOWER, Phase.TRAIN,
            "Median time of one optimizer step after the first two.",
        ),
        _measured(
            "train_seconds", "Training time", Unit.SECONDS, Direction.LOWER, Phase.TRAIN,
            "Sum over all optimizer steps, nothing else.",
        ),
        _measured(
            "reported_train_seconds", "Training time (as published)", Unit.SECONDS, Direction.LOWER, None,
            "What an imported result calls its training time; the record says what that clock covers.",
        ),
        _measured(
            "checkpoint_bytes", "Checkpoint", Unit.BYTES, Direction.LOWER, Phase.SAVE,
            "Bytes of the saved weights and configuration on disk.",
        ),
        _measured(
            "trainable_parameters", "Trainable", Unit.COUNT, Direction.LOWER, Phase.PREPARE,
            "Parameters that the optimizer updates, counted after the optimizer is created.",
        ),
        _measured(
            "head_parameters", "Trainable (head)", Unit.COUNT, Direction.LOWER, Phase.PREPARE,
            "Of the trainable parameters those of the task's head, which every method trains; the others are the "
            "method's own.",
        ),
        _measured(
            "forgetting", "Forgetting", Unit.NATS, Direction.LOWER, Phase.RETAIN,
            "Increase of the loss per token on general text over the base model, mean over texts, ± its standard error "
            f"over texts. General text is {BUILT_IN_TEXT} (public domain), or what the study names. "
            "+0.05 is a perplexity 5% higher. Not defined for a classifier.",
        ),
        _measured(
            "skills_lost", "Skills lost", Unit.POINTS, Direction.LOWER, Phase.RETAIN,
            "How many points the share of right answers to questions of general skills fell from the base model to the "
            "trained one, mean over questions, ± its standard error over questions, each compared before and after. "
            "The study names the skills. Negative: it rose.",
        ),
        _measured(
            "drift", "Drift", Unit.COSINE, Direction.LOWER, Phase.RETAIN,
            "How far images generated for other captions moved from those of the base model, from the same noise: "
            "(1 - cosine of their features) / 2, mean over images.",
            "images",
        ),
        _measured(
            "validation_loss", "Validation loss", Unit.NATS, Direction.LOWER, Phase.VALIDATE,
            "Loss per answer token, or squared error of the velocity per element of an image, on the validation split.",
        ),
        _measured(
            "train_loss", "Training loss", Unit.NATS, Direction.LOWER, Phase.TRAIN,
            "Loss per answer token, or per element of an image, in the last optimizer step.",
        ),
        _measured(
            "answers_per_second", "Answers per second", Unit.COUNT, Direction.HIGHER, Phase.TEST,
            "Questions answered, or images generated, per second of generation.",
        ),
    )
}  # fmt: skip

COSTS = (
    "train_peak_bytes", "run_peak_reserved_bytes", "train_peak_reserved_bytes", "step_seconds",
    "reported_train_seconds", "checkpoint_bytes", "trainable_parameters", "forgetting",
    "skills_lost", "drift",
)  # fmt: skip
"""What quality is weighed against, in the order of the table."""
CLOCKS_AND_PEAKS = frozenset({
    "train_peak_bytes", "answer_peak_bytes", "step_seconds", "train_seconds", "answers_per_second",
})  # fmt: skip
"""What is measured of trials that ran alone, and of none that was trained together with others."""
_EARLIER = (("accuracy", "accuracy_lenient", "accuracy_published"), ("similarity",))
"""What tasks scored before they declared it, the main metric first."""


def earlier_metrics(measured: Iterable[str]) -> tuple[Metric, ...]:
    """Return what a task scored that does not declare it, from the names of what was measured; the main one first.

    That is how records are read from before tasks declared their metrics, and imported ones: by accuracy where they
    have no other main metric.
    """
    found = set(measured)
    names = next((names for names in _EARLIER if names[0] in found), _EARLIER[0])
    return tuple(METRICS[name] for name in names)


@cache
def metric_table(declared: tuple[Metric, ...]) -> Mapping[str, Metric]:
    """Return every metric by name that records of a task may hold: what it declares first, then Paretune's own."""
    own = {metric.name: metric for metric in declared}
    return {**own, **{name: metric for name, metric in METRICS.items() if name not in own}}


def _are_consistent(declared: tuple[Metric, ...]) -> tuple[Metric, ...]:
    names = [metric.name for metric in declared]
    for metric in declared:
        if names.count(metric.name) > 1:
            raise ValueError(f'metric "{metric.name}" is declared twice')
        known = METRICS.get(metric.name)
        if known is not None and (known.unit, known.direction) != (metric.unit, metric.direction):
            raise ValueError(
                f'metric "{metric.name}" is Paretune\'s own, in {known.unit}, of which {known.direction} is better: '
                "give yours another name"
            )
    return declared


DeclaredMetrics = Annotated[tuple[Metric, ...], AfterValidator(_are_consistent)]
"""The metrics of a task. The first is the main one, which methods are ranked by."""
