"""The cells of the page's table. What they say is decided here, how they look in page.html."""

import math
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

from paretune.analysis import Row
from paretune.analysis.decisions.phrases import gap
from paretune.analysis.table.scored import by_task, declared_metrics, main_metrics
from paretune.analysis.table.selection import MEMORY, first_measured
from paretune.report.audit_marks import audit_warnings
from paretune.report.format import MISSING, plain, probability, rate, show, span, standard_error
from paretune.report.html.facets import FACETS, Facet
from paretune.report.measured import head_text, other_scores, retention_of
from paretune.report.parts import part_definition
from paretune.report.skills import skills_of
from paretune.report.standing_marks import is_tied
from paretune.report.wording import (
    departures,
    outcome_name,
    row_outcome,
    shows_batch_sizes,
    shows_learning_rates,
    tuned_from,
)
from paretune.spec import METRICS, Metric, Study

_RATE_DEFINITION = "Peak learning rate; with the number of settings that were tried on validation data to choose it."
SEEDS_DEFINITION = (
    "Trials with different seeds; values are their means. A seed decides the initial values of adapter and head, the "
    "order of the training examples (with less than one epoch also which are seen), and random numbers in training, as "
    "of dropout. Data and splits are the same for all seeds."
)
_BATCH_DEFINITION = "Questions that were answered in one generation batch."
_SIZES_SHOWN = ("checkpoint_bytes", "trainable_parameters")


class Cell(NamedTuple):
    """One cell of the table."""

    text: str
    value: float | str | None
    """What the column is sorted by; missing values stay last either way."""
    extra: str = ""
    """A smaller second line, or several with line breaks between them."""
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
        columns.append(Column("seeds", "Seeds", SEEDS_DEFINITION, _seeds))
    mains, others = main_metrics(rows), {metric.name: metric for metric in _others(rows)}
    columns += [_column(metric, _quality(metric)) for metric in mains]
    columns += [_column(metric, _figure(metric)) for name, metric in others.items() if metric not in mains]
    if any(row.standing for row in rows):
        by = " or ".join(metric.words for metric in mains)
        place = (
            f"Place by {by}, with its 95% interval; below it the probability of being the best of all rows, where it "
            "is 0.5% or more. Places are "
            "tested over all pairs of rows at once, which is more cautious than the interval of one row: rows whose "
            "intervals do not overlap can share places."
        )
        columns.append(Column("rank", "Place", place, _rank))
    groups = list(dict.fromkeys(name for row in rows for name in row.groups))
    if len(groups) > 1:
        columns += [_group_column(place, name, mains, (row.task for row in rows)) for place, name in enumerate(groups)]
    names = (first_measured(rows, MEMORY), "step_seconds", *retention_of(rows), *_SIZES_SHOWN)
    losses = ["validation_loss"] if any("validation_loss" in row.metrics for row in rows) else []
    shown = [METRICS[name] for name in (*losses, *names)]
    columns += [_column(metric, _CELLS.get(metric.name, _figure(metric))) for metric in shown]
    if shows_batch_sizes(rows):
        columns.append(Column("answer-batch", "Answer batch", _BATCH_DEFINITION, _answer_batch))
    if any(row.outcome.kind != "ok" for row in rows):
        columns.append(Column("outcome", "Outcome", "How the trials ended.", _outcome, numeric=False))
    return columns


def further_columns(rows: Sequence[Row], columns: Sequence[Column]) -> list[Column]:
    """Return the columns that a reader may add to these: every other value that a row has, and what rows differ in."""
    known = {column.key for column in columns}
    found = {metric.name: metric for metric in (*declared_metrics(rows), *METRICS.values())}
    there = {name for row in rows for name in row.metrics}
    more = [_column(metric, _figure(metric)) for name, metric in found.items() if name in there - known]
    more += [_skill_column(name) for name in dict.fromkeys(name for row in rows for name in skills_of(row))]
    texts = [*FACETS, Facet("task", "Task name", "What was trained on and answered.", lambda row: plain(row.task))]
    return [*more, *(Column(one.key, one.label, one.definition, _text(one), numeric=False) for one in texts)]


def table_rows(rows: Sequence[Row], columns: Sequence[Column], studies: Sequence[Study]) -> list[dict[str, Any]]:
    """Return rows of the table, in the order given. `studies` holds at least the study of each."""
    return [
        {
            "ok": row.outcome.kind == "ok",
            "warnings": audit_warnings(row),
            "tied": is_tied(row),
            "departs": sorted(departures(row, study.recipe)),
            "cells": [column.cell(row) for column in columns],
        }
        for row, study in zip(rows, studies, strict=False)
    ]


def view_key(task: str, split: str) -> str:
    """Return the value by which page and script name a task and split."""
    return f"{split}:{task}"


def _others(rows: Sequence[Row]) -> list[Metric]:
    """Return what the rows' tasks score in addition to their main metrics."""
    return [metric for inside in by_task(rows) for metric in other_scores(inside)]


def _column(metric: Metric, cell: Callable[[Row], Cell]) -> Column:
    first = "ascending" if metric.lower_is_better else "descending"
    return Column(metric.name, metric.label, metric.definition, cell, first=first)


def _group_column(place: int, name: str, mains: Sequence[Metric], tasks: Iterable[str]) -> Column:
    what = " or ".join(metric.label for metric in mains)
    definition = part_definition(tasks, name, what, mains[0].items)
    first = "ascending" if mains[0].lower_is_better else "descending"
    return Column(f"group-{place}", f"{what} ({plain(name)})", definition, _group(name), first=first)


def _skill_column(name: str) -> Column:
    """Return the column of one general skill: what was lost of it."""
    metric = METRICS["skills_lost"]

    def cell(row: Row) -> Cell:
        found = skills_of(row).get(name)
        if found is None:
            return Cell(MISSING, None)
        extra = f"{standard_error(metric, found.standard_error)}\n{found.shares}"
        return Cell(show(metric, found.lost), found.lost, extra)

    definition = plain(f"{metric.label}, on the questions of {name} alone, with the shares of right answers.")
    return Column(f"skill-{name}", plain(f"{metric.label} ({name})"), definition, cell)


def _method(row: Row) -> Cell:
    return Cell(plain(row.method), plain(row.method).casefold())


def _text(facet: Facet) -> Callable[[Row], Cell]:
    def cell(row: Row) -> Cell:
        text = facet.read(row)
        return Cell(text, text.casefold())

    return cell


def _rate(row: Row) -> Cell:
    return Cell(rate(row.learning_rate), row.learning_rate, extra=tuned_from(row))


def _seeds(row: Row) -> Cell:
    return Cell(str(len(row.seeds)), len(row.seeds))


def _answer_batch(row: Row) -> Cell:
    return Cell(str(row.answer_batch_size), row.answer_batch_size)


def _outcome(row: Row) -> Cell:
    return Cell(row_outcome(row), row.outcome.kind)


def _figure(metric: Metric) -> Callable[[Row], Cell]:
    return lambda row: _shown(metric, row)


def _forgotten(metric: Metric) -> Callable[[Row], Cell]:
    """Return the cells of a value with its standard error over texts, questions or pictures."""

    def cell(row: Row) -> Cell:
        error = row.standard_errors.get(metric.name)
        return _shown(metric, row, extra="" if error is None else standard_error(metric, error))

    return cell


def _shown(metric: Metric, row: Row, extra: str = "") -> Cell:
    value = row.metrics.get(metric.name)
    return Cell(show(metric, value), value if value is not None and math.isfinite(value) else None, extra)


def _quality(metric: Metric) -> Callable[[Row], Cell]:
    def cell(row: Row) -> Cell:
        shown = _shown(metric, row)
        if row.quality != metric.name:
            return shown
        if row.quality_interval is None or not isinstance(shown.value, float):
            return shown if row.outcome.kind == "ok" else shown._replace(extra=outcome_name(row.outcome))
        low, high = row.quality_interval
        extra = span(metric, low, high, " to ")
        if row.quality in row.spreads:
            extra += f"\nSD of seeds {gap(metric, row.spreads[row.quality])}"
        return shown._replace(extra=extra, bar=_bar(metric, shown.value, low, high))

    return cell


def _bar(metric: Metric, value: float, low: float, high: float) -> tuple[float, float, float] | None:
    """Return a value and its interval on a way from nothing, or the least, to the most: only where there is a most."""
    if metric.low is None or metric.high is None:
        return None
    start = max(0.0, metric.low) if metric.high > 0 else metric.low
    first, second, third = (
        100 * min(1.0, max(0.0, (one - start) / (metric.high - start))) for one in (value, low, high)
    )
    return first, second, third


def _rank(row: Row) -> Cell:
    if row.standing is None:
        return Cell(MISSING, None)
    rank, low, high, p_best = row.standing.place
    interval = f"{low}" if low == high else f"{low} to {high}"
    return Cell(interval, rank, extra=f"{probability(p_best)} to be best" if p_best >= 0.005 else "")


def _group(name: str) -> Callable[[Row], Cell]:
    def cell(row: Row) -> Cell:
        value = row.groups.get(name, {}).get(row.quality)
        return Cell(show(row.main_metric, value), value)

    return cell


def _trainable(row: Row) -> Cell:
    return _shown(METRICS["trainable_parameters"], row, head_text(row))


_CELLS: dict[str, Callable[[Row], Cell]] = {
    **{name: _forgotten(METRICS[name]) for name in ("forgetting", "skills_lost")},
    "trainable_parameters": _trainable,
}
"""Cells that say more than their value."""
