"""What is too poor for a front or a recommendation, however cheap it is."""

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from paretune.analysis.table.scored import by_task, main_metric

if TYPE_CHECKING:
    from paretune.analysis.table.rows import Row
    from paretune.spec import Metric

Floor = Mapping[str, float]
"""The bound of one or several main metrics, in base units: {"accuracy": 0.5}. Empty for none at all."""


def below_floor(rows: Sequence["Row"], floor: Floor | None = None) -> list[bool]:
    """Tell for each row of one task and split whether it is left out of the Pareto fronts.

    With a floor: what does not reach it. By default: trained rows whose main metric, as measured, is not better than
    that of a baseline, where the study has one.
    """
    if floor is not None:
        return [any(not _reaches(row, metric, bound) for metric, bound in floor.items()) for row in rows]
    main, found = main_metric(rows), baselines(rows)
    return [row.records[0].trial.method.trains and bool(not_beaten(row, main, found)) for row in rows]


class Baseline(NamedTuple):
    """What a method that trains has to beat: the main metric of something that trains no base model."""

    name: str
    """In a sentence: "the base model", or the row's name."""
    value: float


def baseline_names(rows: Sequence["Row"]) -> list[str]:
    """Return the names of the baselines of all tasks, each once."""
    return list(dict.fromkeys(one.name for task in by_task(rows) for one in baselines(task)))


def baselines(rows: Sequence["Row"]) -> list[Baseline]:
    """Return the baselines of one task and split: the base model without worked examples in its prompt, then others.

    One for each method without training and without parameters; of several rows of one the least good.
    """
    main, found = main_metric(rows), dict[str, list[float]]()
    for row in rows:
        method, value = row.records[0].trial.method, _value(row, main.name)
        if row.outcome.kind == "ok" and is_baseline(row) and math.isfinite(value):
            found.setdefault("the base model" if method.implementation == "base" else row.method, []).append(value)
    names = sorted(found, key=lambda name: name != "the base model")
    return [Baseline(name, min(found[name], key=lambda value: main.sign * value)) for name in names]


def is_baseline(row: "Row") -> bool:
    """Tell whether a row is what others are compared with by the main metric."""
    method = row.records[0].trial.method
    return not method.trains and not method.parameters


def not_beaten(row: "Row", main: "Metric", found: Sequence[Baseline]) -> list[Baseline]:
    """Return the baselines than which the main metric of a row, as measured, is not better."""
    return [one for one in found if main.sign * _value(row, main.name) <= main.sign * one.value]


def floor_notes(rows: Sequence["Row"], floor: Floor | None = None) -> list[str]:
    """Return which rows are left out of the fronts and why, a sentence for each task and split."""
    notes = []
    for key in dict.fromkeys((row.task, row.split) for row in rows):
        inside = [row for row in rows if (row.task, row.split) == key]
        left_out = [row for row in inside if row.below_floor and row.outcome.kind == "ok"]
        if left_out and floor is not None:
            why = " or ".join(_beyond(inside[0], name) for name in floor)
            notes.append(f"Left out of the Pareto front, since {why}: {_names(left_out)}.")
        elif left_out:
            main, found = main_metric(inside), baselines(inside)
            for one in found:
                behind = [row for row in left_out if one in not_beaten(row, main, found)]
                side = "below" if main.lower_is_better else "above"
                why = f"{main.words} is not {side} that of {one.name}"
                notes += [f"Left out of the Pareto front, since {why}: {_names(behind)}."] if behind else []
    return notes


def _names(rows: Sequence["Row"]) -> str:
    return ", ".join(dict.fromkeys(row.method for row in rows))


def _beyond(row: "Row", name: str) -> str:
    """Return what it is not to reach a bound: "accuracy is below the minimum"."""
    metric = row.task_spec.table.get(name)
    lower = metric is not None and metric.lower_is_better
    return f"{metric.words if metric else name} is {'above the maximum' if lower else 'below the minimum'}"


def _value(row: "Row", metric: str) -> float:
    return row.metrics.get(metric, math.nan)


def _reaches(row: "Row", metric: str, bound: float) -> bool:
    known = row.task_spec.table.get(metric)
    return known is not None and known.reaches(_value(row, metric), bound)
