"""What an lm-eval task scores, as metrics of ours: name, direction and aggregation are lm-eval's."""

import math
import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from paretune.spec import Direction, InputError, Metric, Unit
from paretune.tasks.asking import CorpusMetric
from paretune.tasks.harness.source import Source, lm_eval_errors

_SHARES = re.compile(r"acc|acc_\w+|exact_match")
"""Metrics that are the share of right answers in every task, where they are means."""
_LONGEST = 60


class Declared(NamedTuple):
    """A metric of one of a task's filters, which read answers in different ways."""

    task: str
    name: str
    """Its name in lm-eval."""
    filter: str
    metric: Metric
    aggregate: Any
    """What lm-eval makes of the values of all questions."""

    @property
    def over_all(self) -> CorpusMetric:
        """How the value of several questions is computed, where it is no mean."""
        return CorpusMetric(read=None, value=self._of_all)

    def _of_all(self, readings: Sequence[Any]) -> float:
        with lm_eval_errors(self.task, f"{self.name} over all questions cannot be computed"):
            return float(self.aggregate([one.value for one in readings]))


class Reading:
    """A value of any type that lm-eval gives a question, as one that can be counted."""

    def __init__(self, value: Any) -> None:
        self.value = value
        self._key = repr(_plain(value))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Reading) and other._key == self._key

    def __hash__(self) -> int:
        return hash(self._key)


def declared_by(source: Source, main: str | None) -> tuple[Declared, ...]:
    """Return what a task scores, the main metric first: `main`, by its name in lm-eval or ours, or the task's first.

    Raises `InputError` for a main metric that there is not.
    """
    task = source.task
    filters = [one.name for one in task._filters]
    upward = task.higher_is_better()
    several = len(filters) > 1
    found = [
        Declared(
            source.name, name, one, _metric(source.name, name, one if several else None, aggregate, way), aggregate
        )
        for name, aggregate in task.aggregation().items()
        for way in (Direction.LOWER if upward.get(name) is False else Direction.HIGHER,)
        if name != "bypass"
        for one in filters
    ]
    if main is None and found:
        return tuple(found)
    first = next((one for one in found if main in {one.name, one.metric.name}), None)
    if first is None:
        names = ", ".join(one.metric.name for one in found) or "none"
        raise InputError(f'task "lm-eval:{source.name}", option main_metric: no metric "{main}"; there is: {names}')
    return (first, *(one for one in found if one is not first))


def _metric(task: str, name: str, filter_name: str | None, aggregate: Any, direction: Direction) -> Metric:
    """Return a metric as ours; `filter_name` where a task has several filters."""
    ours = re.sub(r"[^a-z0-9_]+", "_", "_".join(filter(None, (name, filter_name))).lower())
    by = getattr(aggregate, "__name__", "a function")
    is_mean = by in {"mean", "nanmean"}
    read = "" if filter_name is None else f", answers read by the filter {filter_name}"
    how = "mean over questions" if is_mean else f"computed by {by} over all questions"
    return Metric(
        name=(ours if ours[:1].isalpha() else f"m_{ours}")[:_LONGEST],
        label=name if filter_name is None else f"{name} ({filter_name})",
        unit=Unit.FRACTION if is_mean and _SHARES.fullmatch(name) else Unit.PLAIN,
        direction=direction,
        per="item" if is_mean else "corpus",
        definition=f"{name} of lm-evaluation-harness' task {task}{read}; {how}.",
    )


def values_of(
    source: Source, declared: Sequence[Declared], found: Mapping[str, Mapping[str, Any]]
) -> tuple[dict[str, float], dict[str, Reading]]:
    """Return a question's values by metric, and its readings of metrics over all questions.

    `found` is what the task's `process_results` gives, by filter. Raises `InputError` for a value that is no number,
    or no share where the metric is one.
    """
    values: dict[str, float] = {}
    readings: dict[str, Reading] = {}
    for one in declared:
        if one.name not in (given := found.get(one.filter, {})):
            continue
        if one.metric.per == "corpus":
            readings[one.metric.name] = Reading(given[one.name])
            continue
        try:
            value = float(given[one.name])
        except (TypeError, ValueError):
            value = math.inf
        if math.isnan(value):
            continue  # lm-eval's nanmean leaves it out
        if not math.isfinite(value) or one.metric.within(value) != value:
            raise InputError(
                f'task "lm-eval:{source.name}": {one.name} of a question is {str(given[one.name])[:_LONGEST]}, which '
                "is no value of that metric"
            )
        values[one.metric.name] = value
    return values, readings


def _plain(value: Any) -> Any:
    """Return arrays as lists: their own text leaves parts out."""
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    return value.tolist() if hasattr(value, "tolist") else value
