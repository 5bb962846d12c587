"""The section of the page that shows drawings: two methods side by side, from the same captions and the same noise."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from paretune.analysis import Row
from paretune.analysis.table.rows import best_first
from paretune.report.format import plain, rate, show
from paretune.report.html.asked_images import webp_source
from paretune.report.html.page_table import view_key
from paretune.report.html.template import template
from paretune.spec import METRICS, Record
from paretune.store import KeptPicture

Pictures = Callable[[Record], Sequence[KeptPicture]]
"""Gives the pictures that are kept with a record, none where nothing was drawn."""
MOST_BYTES = 1_500_000
"""Of all pictures on a page. What is beyond it is only in the folder of the records."""
_SHOWN: tuple[Mapping[str, int], ...] = (
    {"gallery": 2, "answer": 2, "drift": 1},
    {"gallery": 1, "answer": 1, "drift": 1},
    {"gallery": 1, "answer": 1},
    {"gallery": 1},
)
"""Noises that are shown of each kind of drawing, from the fullest page to the leanest."""
_TITLES = {
    "gallery": "Captions for the gallery",
    "answer": "Compared with held-out images (similarity)",
    "drift": "Other captions (drift)",
}


class _Column(NamedTuple):
    """One method's drawings."""

    name: str
    figures: str
    drawings: list[KeptPicture]


def no_pictures(record: Record) -> Sequence[KeptPicture]:  # noqa: ARG001
    """Say that nothing was drawn."""
    return ()


def gallery_section(rows: Sequence[Row], pictures: Pictures) -> str:
    """Return the section as HTML, or nothing where nothing was drawn. Text from records is escaped.

    Of each row its first seed is shown. The first two columns that a reader sees are the base model and the best.
    """
    kept = {row.trial_ids: list(pictures(row.records[0])) for row in rows if row.outcome.kind == "ok"}
    views = {view_key(row.task, row.split): row for row in rows if kept.get(row.trial_ids)}
    if not views:
        return ""
    parts = []
    for number, (key, first) in enumerate(views.items()):
        inside = [row for row in rows if view_key(row.task, row.split) == key and kept.get(row.trial_ids)]
        parts.append(_view(f"gallery-{number}", key, inside, kept, kept[first.trial_ids]))
    return template("gallery.html").render(views=parts)


def _view(
    name: str,
    key: str,
    rows: Sequence[Row],
    kept: Mapping[tuple[str, ...], list[KeptPicture]],
    given: Sequence[KeptPicture],
) -> dict[str, Any]:
    """Return one task's gallery for the template. `given` holds the training pictures, the same for all rows."""
    columns = [_Column(_name(row, rows), _figures(row), kept[row.trial_ids]) for row in rows]
    limits = next((one for one in _SHOWN if _num_bytes(columns, one) <= MOST_BYTES), _SHOWN[-1])
    best = min(range(len(rows)), key=lambda place: best_first(rows[place]))
    untouched = [place for place, row in enumerate(rows) if not row.records[0].trial.method.trains]
    left = untouched[0] if untouched else 0
    return {
        "id": name,
        "key": key,
        "columns": columns,
        "left": left,
        "right": best if best != left else (left + 1) % len(rows),
        "learnt_from": [_shown(one) for one in given if one.kind == "train"],
        "judge": plain(str(rows[0].records[0].trial.task.options.get("judge", ""))),
        "blocks": [
            block for kind, num_samples in limits.items() if (block := _block(kind, num_samples, columns, given))
        ],
    }


def _block(
    kind: str, num_samples: int, columns: Sequence[_Column], given: Sequence[KeptPicture]
) -> dict[str, Any] | None:
    """Return the drawings of one kind, a line for each caption and a cell for each method."""
    captions = {one.place: one.caption for column in columns for one in column.drawings if one.kind == kind}
    if not captions:
        return None
    targets = {one.place: _shown(one) for one in given if one.kind == "target"} if kind == "answer" else {}
    lines = [
        {
            "caption": plain(caption),
            "target": targets.get(place),
            "cells": [
                [_shown(one) for one in column.drawings if _is_here(one, kind, place, num_samples)]
                for column in columns
            ],
        }
        for place, caption in sorted(captions.items())
    ]
    return {"title": _TITLES[kind], "lines": lines}


def _is_here(one: KeptPicture, kind: str, place: int, num_samples: int) -> bool:
    return one.kind == kind and one.place == place and (one.noise or 0) < num_samples


def _shown(one: KeptPicture) -> dict[str, str]:
    score = "" if one.score is None else f"{'drift' if one.kind == 'drift' else 'similarity'} {one.score:.3f}"
    return {
        "source": webp_source(one.data),
        "caption": plain(one.caption),
        "score": score,
    }


def _num_bytes(columns: Sequence[_Column], limits: Mapping[str, int]) -> int:
    shown = [one for column in columns for one in column.drawings if (one.noise or 0) < limits.get(one.kind, 0)]
    return sum(len(one.data) for one in shown)


def _name(row: Row, rows: Sequence[Row]) -> str:
    several = sum(one.method == row.method for one in rows) > 1
    return plain(row.method) + (f", learning rate {rate(row.learning_rate)}" if several else "")


def _figures(row: Row) -> str:
    figures = [
        f"{name} {show(METRICS[name], row.metrics[name])}" for name in ("similarity", "drift") if name in row.metrics
    ]
    return ", ".join(figures)
