"""The answers behind the rows, question by question, for the page's comparison of two methods."""

import json
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from paretune.analysis import Row
from paretune.report.format import plain
from paretune.report.html.asked_images import image_sources
from paretune.report.html.page_table import view_key
from paretune.report.html.samples import Answered, Images, Prompts
from paretune.store import Item

MOST_ROWS = 300
"""Of one task and split. Of more rows, the best are kept."""
MOST_LETTERS = 6_000_000
"""Of questions, answers and images, before they are compressed. Beyond it, no questions and answers are kept."""
_LONGEST = 1_000
"""Letters of a question or an answer that are kept."""


class Kept(Protocol):
    """Where the answers of a row come from, and the questions."""

    @property
    def answered(self) -> Answered:
        """Give what became of each question of a record."""
        ...

    @property
    def prompts(self) -> Prompts:
        """Give the questions of a record's task by their ids."""
        ...

    @property
    def images(self) -> Images:
        """Give the images of these questions by their ids."""
        ...


def evidence_data(rows: Sequence[Row], kept: Mapping[tuple[str, ...], Kept]) -> dict[str, Any]:
    """Return what was asked and answered in each task and split whose main metric is a mean over questions.

    Scores are means over seeds, texts those of the first seed. `rows` come best first; they are named by their place.
    `kept` is by the trials of a row.
    """
    views: dict[str, list[tuple[int, Row]]] = {}
    for place, row in enumerate(rows):
        if row.outcome.kind == "ok" and row.main_metric.per == "item":
            views.setdefault(view_key(row.task, row.split), []).append((place, row))
    found = {key: _view(inside[:MOST_ROWS], kept[inside[0][1].trial_ids]) for key, inside in views.items()}
    there = {key: view for key, view in found.items() if view is not None}
    if len(json.dumps(there)) > MOST_LETTERS:
        for view in there.values():
            view.update(prompts=[], texts={}, shortened=True)
    return there


def _view(rows: Sequence[tuple[int, Row]], kept: Kept) -> dict[str, Any] | None:
    scores: dict[int, list[float | None]] = {}
    texts: dict[int, list[str]] = {}
    questions: dict[str, Item] = {}
    for place, row in rows:
        seeds = [{item.item_id: item for item in kept.answered(record)} for record in row.records]
        if not all(seeds):
            continue
        questions = questions or seeds[0]
        scores[place] = [
            _mean([seed[name].scores.get(row.quality) for seed in seeds if name in seed]) for name in questions
        ]
        texts[place] = [_short(seeds[0][name].text) if name in seeds[0] else "" for name in questions]
    if len(scores) < 2:
        return None
    record = rows[0][1].records[0]
    asked = kept.prompts(record)
    images, places = image_sources(kept.images(record), list(questions))
    return {
        "questions": [plain(name) for name in questions],
        "groups": [plain(item.group or "") for item in questions.values()],
        "targets": [_short(item.target) for item in questions.values()],
        "prompts": [_short(asked.get(name, "")) for name in questions],
        "scores": scores,
        "texts": texts,
        "images": images,
        "image_of": places,
        "shortened": False,
    }


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return round(sum(known) / len(known), 6) if known else None


def _short(text: str) -> str:
    text = "\n".join(map(plain, text.strip().splitlines()))
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"
