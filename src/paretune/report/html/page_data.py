"""The rows of the page as its script reads them: column by column, compressed inside the file."""

import base64
import gzip
import json
import math
from collections.abc import Sequence
from typing import Any

from paretune.analysis import Row
from paretune.report.audit_marks import audit_warnings
from paretune.report.format import plain, rate
from paretune.report.html.facets import FACETS, citation_of
from paretune.report.html.page_table import Cell, Column, view_key
from paretune.report.measured import RETENTION
from paretune.report.standing_marks import front_mark, is_tied
from paretune.report.wording import departures
from paretune.spec import COSTS, Metric, Study


def packed(value: object) -> str:
    """Return a value as compressed JSON in letters and digits, the same for the same value."""
    text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return base64.b64encode(gzip.compress(text.encode(), mtime=0)).decode("ascii")


def rows_data(
    rows: Sequence[Row], columns: Sequence[Column], shown: int, studies: Sequence[Study], metrics: Sequence[Metric]
) -> dict[str, Any]:
    """Return the rows for the script, one list for each property, in the order of `rows`.

    `studies` holds the study of each. Of the columns the first `shown` are seen at first. `metrics` are those whose
    values are handed over.
    """
    names = _labels(rows)
    return {
        "columns": [_column(column, place < shown) for place, column in enumerate(columns)],
        "cells": [_cells([column.cell(row) for row in rows]) for column in columns],
        "facets": [
            {
                "key": facet.key,
                "label": facet.label,
                "definition": facet.definition,
                **_coded(list(map(facet.read, rows))),
            }
            for facet in FACETS
        ],
        "label": names,
        "method": [plain(row.method) for row in rows],
        "view": [view_key(row.task, row.split) for row in rows],
        "quality": [row.quality for row in rows],
        "ok": [int(row.outcome.kind == "ok") for row in rows],
        "tied": [int(is_tied(row)) for row in rows],
        "warnings": [audit_warnings(row) for row in rows],
        "departs": [", ".join(sorted(departures(row, study.recipe))) for row, study in zip(rows, studies, strict=True)],
        "marks": [{cost: mark for cost in COSTS if (mark := front_mark(row, cost, " "))} for row in rows],
        "metrics": {metric.name: [finite(row.metrics.get(metric.name)) for row in rows] for metric in metrics},
        "low": [row.quality_interval.low if row.quality_interval else None for row in rows],
        "high": [row.quality_interval.high if row.quality_interval else None for row in rows],
        "errors": {
            name: values for name in RETENTION if any(values := [finite(row.standard_errors.get(name)) for row in rows])
        },
        "below_floor": [int(row.below_floor) for row in rows],
        "shares": [_front_shares(row) for row in rows],
        "citations": [citation_of(row) for row in rows],
    }


def metric_data(metric: Metric) -> dict[str, Any]:
    """Return what the script needs to name and write a metric's values."""
    return {
        "name": metric.name,
        "label": metric.label,
        "words": metric.words,
        "unit": metric.unit.value,
        "lower": metric.lower_is_better,
        "phase": metric.phase.value if metric.phase else None,
        "definition": metric.definition,
        "items": metric.items,
    }


def finite(value: float | None) -> float | None:
    """Return a value, or None where it is missing or not finite: JSON has no others."""
    return value if value is not None and math.isfinite(value) else None


def _front_shares(row: Row) -> dict[str, float]:
    """Return the known probabilities of lying on a front that are not 0."""
    known = row.standing.front_probabilities if row.standing else {}
    return {cost: share for cost in COSTS if (share := round(known.get(cost, 0.0), 4)) > 0}


def _labels(rows: Sequence[Row]) -> list[str]:
    """Return the name of each row. It holds the rate where a method has several."""
    rates: dict[str, set[float | None]] = {}
    for row in rows:
        rates.setdefault(row.method, set()).add(row.learning_rate)
    return [plain(row.method) + (f", {rate(row.learning_rate)}" if len(rates[row.method]) > 1 else "") for row in rows]


def _column(column: Column, shown: bool) -> dict[str, Any]:
    return {
        "key": column.key,
        "label": column.label,
        "definition": column.definition,
        "numeric": column.numeric,
        "first": column.first,
        "shown": shown,
    }


def _cells(cells: Sequence[Cell]) -> dict[str, Any]:
    """Return the cells of one column; second lines and pictures only where there are any."""
    found: dict[str, Any] = {"text": [cell.text for cell in cells], "value": [cell.value for cell in cells]}
    if any(cell.extra for cell in cells):
        found["extra"] = [cell.extra for cell in cells]
    if any(cell.bar for cell in cells):
        found["bar"] = [[round(end, 2) for end in cell.bar] if cell.bar else None for cell in cells]
    return found


def _coded(texts: Sequence[str]) -> dict[str, Any]:
    """Return texts as places in the list of those that differ."""
    values = list(dict.fromkeys(texts))
    places = {text: place for place, text in enumerate(values)}
    return {"values": values, "places": [places[text] for text in texts]}
