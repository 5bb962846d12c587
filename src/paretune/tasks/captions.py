"""Captions of pictures of coloured shapes, for models that read pictures and text.

One example and how it is judged:

    picture     a red circle at the top left and a blue square at the centre, on a grid of three by three cells
    prompt      Describe the image.
                Caption:
    completion  a red circle at the top left and a blue square at the centre
    group       seen
    right       the caption is the same; lenient: it has the same things at the same places

Things stand in a caption from the top left to the bottom right. Some colours never meet some shapes in the training
data, though each colour and each shape is there. Half of the test pictures show such a combination: group "unseen".
"""

import random
import re
from collections.abc import Sequence
from itertools import pairwise
from typing import Any, ClassVar

from paretune.spec import METRICS, TaskCard
from paretune.tasks.base import Example, Message, Score, Split
from paretune.tasks.drawn_shapes import COLOURS, HALVES, PLACES, SEEN, SHAPES, UNSEEN, Thing, drawn
from paretune.tasks.drawn_task import Drawn, DrawnTask
from paretune.tasks.metrics.words import TokenF1, token_f1

_ASKED = "Describe the image."
_MOST_THINGS = 3
_WORD = re.compile(r"[a-z]+")


class Captions(DrawnTask):
    """What a picture shows: colours, shapes and places."""

    card: ClassVar[TaskCard] = TaskCard(
        name="captions",
        version="1",
        description="Captions of images of one to three coloured shapes: the colour, shape and place of each. Half of "
        "the test images show a combination of colour and shape that is not in the training data.",
        source="made by rule in paretune.tasks.captions",
        licence="Apache-2.0",
        metrics=(METRICS["accuracy"], METRICS["accuracy_lenient"], *TokenF1.metrics),
        parts={
            "seen": "of combinations of colour and shape of the training data",
            "unseen": "of which one is another combination of the same colours and shapes",
        },
    )
    default_options: ClassVar[dict[str, Any]] = {
        "train_size": 1024,
        "validation_size": 64,
        "test_size": 240,
        "seed": 0,
    }
    about_options = {
        "train_size": "Training examples.",
        "validation_size": "Validation images.",
        "test_size": 'Test images. Half of them ("unseen") show a combination that no training example has.',
        "seed": "Seed of the generated examples. Another seed is other data.",
    }
    max_new_tokens: ClassVar[int] = 96
    is_new: ClassVar[str] = "image"
    learnt_in_turn: ClassVar[tuple[Split, Split]] = ("validation", "train")

    def score(self, text: str, example: Example) -> dict[str, float]:
        """Judge by the words (strict), by the things that are named (lenient), and by the words in common (F1)."""
        said, due = _WORD.findall(text.lower()), _WORD.findall(example.target)
        right = Score(said == due, sorted(_named(said)) == sorted(_named(due)))
        return {**right, "f1": token_f1(text, example.target)}

    def draw_one(self, number: int, group: str, draw: random.Random) -> Drawn:  # noqa: ARG002 # of one kind
        """Return a picture with its caption."""
        things = _things(UNSEEN if group == "unseen" else SEEN, draw)
        caption, picture = _caption(things), drawn(things)
        example = Example(
            id="",
            prompt=f"{_ASKED}\nCaption:",
            completion=f" {caption}",
            target=caption,
            group=group,
            messages=(Message("user", _ASKED), Message("assistant", caption)),
            picture=picture,
        )
        return Drawn(example, picture)


def _things(first: Sequence[tuple[str, str]], draw: random.Random) -> tuple[Thing, ...]:
    """Return what is in a picture, from the top left on: one of the `first` combinations, and up to two seen ones."""
    combinations = [draw.choice(first), *(draw.choice(SEEN) for _ in range(draw.randrange(_MOST_THINGS)))]
    cells = draw.sample(range(len(PLACES)), len(combinations))
    things = (
        Thing(colour, shape, *divmod(cell, 3), draw.choice(HALVES))
        for (colour, shape), cell in zip(combinations, cells, strict=True)
    )
    return tuple(sorted(things, key=lambda thing: (thing.row, thing.column)))


def _caption(things: Sequence[Thing]) -> str:
    parts = [f"a {thing.colour} {thing.shape} at the {thing.place}" for thing in things]
    return " and ".join(filter(None, (", ".join(parts[:-1]), parts[-1])))


def _named(words: Sequence[str]) -> list[tuple[str, str, str]]:
    """Return the things that words name, each with the longest place before the next thing; empty where none is."""
    starts = [place for place in range(len(words) - 1) if words[place] in COLOURS and words[place + 1] in SHAPES]
    found = []
    for start, end in pairwise([*starts, len(words)]):
        rest = f" {' '.join(words[start + 2 : end])} "
        places = [place for place in PLACES if f" {place} " in rest]
        found.append((words[start], words[start + 1], max(places, key=len, default="")))
    return found
