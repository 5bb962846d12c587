"""What is too poor for a front or a recommendation, however cheap it is."""

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from paretune.analysis.table.scored import main_metric

if TYPE_CHECKING:
    from paretune.analysis.table.rows import Row
    from paretune.spec import Metric

Floor = Mapping[str, float]
"""The bound of one or several main metrics, in base units: {"accuracy": 0.5}. Empty for none at all."""


def below_floor(rows: Sequence["Row"], floor: Floor | None = None) -> list[bool]:
    """Tell for each row of one task and split whether it is left out of the Pareto fronts.

    With a floor: what does not reach it. By default: trained rows whose main metric, as measured, is not better than
    that of the base model, where the study has it.
    """
    if floor is not None:
        return [any(not _reaches(row, metric, bound) for metric, bound in floor.items()) for row in rows]
    main, base = main_metric(rows), base_value(rows)
    if base is None:
        return [False] * len(rows)
    return [row.records[0].trial.method.trains and is_no_better(row, main, base) for row in rows]


def base_value(rows: Sequence["Row"]) -> float | None:
    """Return the main metric of the base model without worked examples in its prompt; None where there is none."""
    main = main_metric(rows)
    methods = [(row, row.records[0].trial.method) for row in rows if row.outcome.kind == "ok"]
    values = [_value(row, main.name) for row, method in methods if not method.trains and not method.parameters]
    return min((value for value in values if math.isfinite(value)), key=lambda value: main.sign * value, default=None)


def is_no_better(row: "Row", main: "Metric", base: float) -> bool:
    """Tell whether the main metric of a row, as measured, is not better than that of the base model."""
    return main.sign * _value(row, main.name) <= main.sign * base


def floor_notes(rows: Sequence["Row"], floor: Floor | None = None) -> list[str]:
    """Return which rows are left out of the fronts and why, a sentence for each task and split."""
    notes = []
    for key in dict.fromkeys((row.task, row.split) for row in rows):
        inside = [row for row in rows if (row.task, row.split) == key]
        names = dict.fromkeys(row.method for row in inside if row.below_floor and row.outcome.kind == "ok")
        if names:
            main = main_metric(inside)
            base = f"{main.words} is not {'below' if main.lower_is_better else 'above'} that of the base model"
            why = base if floor is None else " or ".join(_beyond(inside[0], name) for name in floor)
            notes.append(f"Left out of the Pareto front, since {why}: {', '.join(names)}.")
    return notes


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
