"""One question of a study on its page, and what each method answered: what the task is, and what right looks like."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from paretune.analysis import Row
from paretune.report.format import MISSING, plain, show
from paretune.report.html.asked_images import image_source
from paretune.report.html.gallery import Pictures, no_pictures
from paretune.report.html.page_table import view_key
from paretune.report.html.template import template
from paretune.spec import Record
from paretune.store import Item

Answered = Callable[[Record], Sequence[Item]]
"""Gives what became of each question of a record, nothing where that was not kept."""
Prompts = Callable[[Record], Mapping[str, str]]
"""Gives the questions of a record's task by their ids, as far as they are at hand."""
Images = Callable[[Record], Mapping[str, bytes]]
"""Gives the images that a record's task asks about, as files, by the ids of the questions, as far as they are there."""
_LONGEST = 600
"""Letters of a question or an answer that are shown."""


def none_answered(record: Record) -> Sequence[Item]:  # noqa: ARG001
    """Return no answers."""
    return ()


def no_prompts(record: Record) -> Mapping[str, str]:  # noqa: ARG001
    """Return no questions."""
    return {}


def no_images(record: Record) -> Mapping[str, bytes]:  # noqa: ARG001
    """Return no images."""
    return {}


def samples_section(
    rows: Sequence[Row],
    answered: Answered,
    prompts: Prompts,
    pictures: Pictures = no_pictures,
    images: Images = no_images,
) -> str:  # fmt: skip
    """Return the section as HTML, or nothing where no answers in words are kept. Text from records is escaped.

    Rows that were answered in pictures are left to the gallery.
    """
    in_words = [row for row in rows if row.outcome.kind == "ok" and not pictures(row.records[0])]
    views = dict.fromkeys((row.task, row.split) for row in in_words)
    found = [
        _sample([row for row in in_words if (row.task, row.split) == view], answered, prompts, images) for view in views
    ]
    if not any(found):
        return ""
    return template("samples.html").render(samples=[one for one in found if one])


def _sample(rows: Sequence[Row], answered: Answered, prompts: Prompts, images: Images) -> dict[str, Any]:
    """Return one question with the answers of all rows of a task, each row's first seed."""
    row_answers = [(row, {item.item_id: item for item in answered(row.records[0])}) for row in rows]
    row_answers = [(row, items) for row, items in row_answers if items]
    if not any(item.text for _, items in row_answers for item in items.values()):
        return {}  # nothing is written or chosen where losses alone are read
    judged = _tells_right_from_wrong(row_answers)
    chosen, tells_apart = _choose(row_answers, judged=judged)
    if chosen is None:
        return {}
    first = row_answers[0][1][chosen]
    image = images(rows[0].records[0]).get(chosen)
    return {
        "view": view_key(rows[0].task, rows[0].split),
        "question": _short(prompts(rows[0].records[0]).get(chosen, "")),
        "image": "" if image is None else image_source(image),
        "target": _short(first.target),
        "item_id": chosen,
        "item": rows[0].main_metric.items.removesuffix("s"),
        "chosen_as": f"The first {rows[0].main_metric.items.removesuffix('s')}"
        + (" that some methods answer correctly and others do not" if tells_apart else ""),
        "verdict": "Correct" if judged else rows[0].main_metric.label,
        "answers": [
            {
                "method": plain(row.method),
                "seed": row.records[0].trial.seed,
                "text": _short(items[chosen].text) or "(nothing)",
                "verdict": _verdict(row, items[chosen], judged=judged),
            }
            for row, items in row_answers
        ],
    }


def _tells_right_from_wrong(row_answers: Sequence[tuple[Row, Mapping[str, Item]]]) -> bool:
    """Tell whether the main metric says of each answer that it is right, or that it is wrong."""
    scores = {item.scores.get(row.quality, 0.0) for row, items in row_answers for item in items.values()}
    return all(row.main_metric.is_share for row, _ in row_answers) and scores <= {0.0, 1.0}


def _choose(row_answers: Sequence[tuple[Row, Mapping[str, Item]]], *, judged: bool) -> tuple[str | None, bool]:
    """Return the first question that some methods get right and some wrong, or the first that all answered.

    With it: whether it tells methods apart.
    """
    shared = [name for name in row_answers[0][1] if all(name in items for _, items in row_answers)]
    scores = {name: {items[name].scores.get(row.quality) for row, items in row_answers} for name in shared}
    chosen = next((name for name in shared if judged and len(scores[name]) > 1), None)
    return (next(iter(shared), None), False) if chosen is None else (chosen, True)


def _verdict(row: Row, item: Item, *, judged: bool) -> str:
    """Return whether an answer is right, or else its value; a dash where the metric is of all answers together."""
    score = item.scores.get(row.quality)
    if score is None or row.main_metric.per == "corpus":
        return MISSING
    return ("yes" if score else "no") if judged else show(row.main_metric, score)


def _short(text: str) -> str:
    text = "\n".join(map(plain, text.strip().splitlines()))
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"
