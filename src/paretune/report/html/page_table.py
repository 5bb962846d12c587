"""The cells of the page's table. What they say is decided here, how they look in page.html."""

import json
import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from paretune.analysis import Row
from paretune.analysis.table.selection import MEMORY, first_measured, main_figure
from paretune.report.audit_marks import audit_warnings
from paretune.report.format import MISSING, percent, plain, probability, rate, show, span
from paretune.report.measured import RETENTION
from paretune.report.standing_marks import front_mark, is_tied
from paretune.report.wording import (
    departures,
    outcome_name,
    row_outcome,
    shows_batch_sizes,
    shows_learning_rates,
    tuned_from,
)
from paretune.spec import COSTS, METRICS, Direction, Study

_RATE_DEFINITION = "Peak learning rate; with the number of settings that were tried on validation data to choose it."
_BATCH_DEFINITION = "Questions that were answered in one generation batch."
_COSTS_SHOWN = ("step_seconds", "checkpoint_bytes", "trainable_parameters")


class Cell(NamedTuple):
    """One cell of the table."""

    text: str
    value: float | str | None
    """What the column is sorted by; missing values stay last either way."""
    extra: str = ""
    """A smaller second line."""
    bar: tuple[float, float, float] | None = None
    """Share, and the two ends of its interval, each from 0 to 100, for a small picture."""


class Column(NamedTuple):
    """One column of the table."""

    key: str
    label: str
    definition: str
    cell: Callable[[Row], Cell]
    numeric: bool = True
    first: str = "ascending"
    """The order in which it is sorted first."""


def table_columns(rows: Sequence[Row]) -> list[Column]:
    """Return the columns that these rows need."""
    columns = [Column("method", "Method", "Name of the method in the study.", _method, numeric=False)]
    if shows_learning_rates(rows):
        columns.append(Column("rate", "Learning rate", _RATE_DEFINITION, _rate))
    if any(len(row.seeds) > 1 for row in rows):
        columns.append(Column("seeds", "Seeds", "Trials with different seeds; values are their means.", _seeds))
    quality = main_figure(rows)
    columns.append(_column(quality, _quality))
    others = ("accuracy_lenient", "accuracy_published")
    columns += [_column(name, _figure(name)) for name in others if any(_adds(row, name) for row in rows)]
    if any(row.standing for row in rows):
        place = f"Place by {METRICS[quality].label.lower()}, with its 95% interval."
        columns.append(Column("rank", "Rank", place, _rank))
    groups = list(dict.fromkeys(name for row in rows for name in row.groups))
    if len(groups) > 1:
        columns += [_group_column(place, name) for place, name in enumerate(groups)]
    shown = (first_measured(rows, MEMORY), *_COSTS_SHOWN, first_measured(rows, RETENTION))
    columns += [_column(name, _forgetting if name == "forgetting" else _figure(name)) for name in shown]
    if shows_batch_sizes(rows):
        columns.append(Column("answer-batch", "Answer batch", _BATCH_DEFINITION, _answer_batch))
    columns.append(Column("outcome", "Outcome", "How the trials ended.", _outcome, numeric=False))
    return columns


def table_rows(rows: Sequence[Row], columns: Sequence[Column], study: Study) -> list[dict[str, Any]]:
    """Return the rows of the table, best first, rows without their main metric last."""
    order = sorted(range(len(rows)), key=lambda place: -rows[place].metrics.get(rows[place].quality, -math.inf))
    return [
        {
            "view": view_key(rows[place].task, rows[place].split),
            "ok": rows[place].outcome.kind == "ok",
            "warnings": audit_warnings(rows[place]),
            "tied": is_tied(rows[place]),
            "marks": json.dumps({cost: mark for cost in COSTS if (mark := front_mark(rows[place], cost, " "))}),
            "departs": sorted(departures(rows[place], study.recipe)),
            "cells": [column.cell(rows[place]) for column in columns],
        }
        for place in order
    ]


def view_key(task: str, split: str) -> str:
    """Return the value by which page and script name a task and split."""
    return f"{split}:{task}"


def _column(name: str, cell: Callable[[Row], Cell]) -> Column:
    metric = METRICS[name]
    first = "descending" if metric.direction is Direction.HIGHER else "ascending"
    return Column(name, metric.label, metric.definition, cell, first=first)


def _group_column(place: int, name: str) -> Column:
    definition = f"Accuracy on the questions of this part: {plain(name)}."
    return Column(f"group-{place}", plain(name).capitalize(), definition, _group(name), first="descending")


def _method(row: Row) -> Cell:
    return Cell(plain(row.method), plain(row.method).casefold())


def _rate(row: Row) -> Cell:
    return Cell(rate(row.learning_rate), row.learning_rate, extra=tuned_from(row))


def _seeds(row: Row) -> Cell:
    return Cell(str(len(row.seeds)), len(row.seeds))


def _answer_batch(row: Row) -> Cell:
    return Cell(str(row.answer_batch_size), row.answer_batch_size)


def _outcome(row: Row) -> Cell:
    return Cell(row_outcome(row), row.outcome.kind)


def _adds(row: Row, name: str) -> bool:
    """Tell whether a row has another reading of its answers that is not its accuracy once more."""
    return name in row.metrics and row.records[0].imported is None


def _figure(name: str) -> Callable[[Row], Cell]:
    return lambda row: _shown(name, row)


def _shown(name: str, row: Row, extra: str = "") -> Cell:
    value = row.metrics.get(name)
    return Cell(show(name, value), value if value is not None and math.isfinite(value) else None, extra)


def _quality(row: Row) -> Cell:
    cell = _shown(row.quality, row)
    if row.quality_interval is None or not isinstance(cell.value, float):
        return cell if row.outcome.kind == "ok" else cell._replace(extra=outcome_name(row.outcome))
    low, high = row.quality_interval
    extra = span(row.quality, low, high, " to ")
    if row.quality in row.spreads:
        extra += f"; seeds ±{show(row.quality, row.spreads[row.quality])}"
    bar = tuple(100 * min(1.0, max(0.0, place)) for place in (cell.value, low, high))
    return cell._replace(extra=extra, bar=(bar[0], bar[1], bar[2]))


def _rank(row: Row) -> Cell:
    if row.standing is None:
        return Cell(MISSING, None)
    rank, low, high, p_best = row.standing.place
    interval = f"{low}" if low == high else f"{low} to {high}"
    return Cell(interval, rank, extra=f"best: {probability(p_best)}" if p_best >= 0.005 else "")


def _group(name: str) -> Callable[[Row], Cell]:
    def cell(row: Row) -> Cell:
        share = row.groups.get(name, {}).get("accuracy")
        return Cell(MISSING if share is None else percent(share), share)

    return cell


def _forgetting(row: Row) -> Cell:
    error = row.standard_errors.get("forgetting")
    return _shown("forgetting", row, extra="" if error is None else f"±{error:.3f}")
