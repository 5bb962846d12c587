"""Questions about pictures of coloured shapes, for models that read pictures and text.

One example and how it is judged:

    picture     a red circle at the top left and two blue squares, on a grid of three by three cells
    prompt      Question: What colour is the circle?
                Answer:
    completion   red
    group       seen
    right       the answer is "red"

Some colours never meet some shapes in the training data, though each colour and each shape is there. Half of the test
questions are about such a combination: group "unseen". With `pictures = "blank"` every question comes with the same
empty picture: what is right then can be guessed from the words alone.
"""

import random
import re
from collections.abc import Sequence
from itertools import product, starmap
from typing import Any, ClassVar, NamedTuple

from paretune.spec import METRICS, TaskCard
from paretune.tasks.base import Example, Message, Score
from paretune.tasks.drawn_shapes import (
    COLOURS,
    HALVES,
    HIGHEST,
    PLACES,
    SEEN,
    SHAPES,
    UNSEEN,
    Bar,
    Thing,
    drawn,
    drawn_chart,
)
from paretune.tasks.drawn_task import Drawn, DrawnTask
from paretune.tasks.options import one_of, some_of

_UNSEEN_BARS = frozenset(map(Bar, COLOURS, range(1, HIGHEST + 1)))
_SEEN_BARS = [bar for bar in starmap(Bar, product(COLOURS, range(1, HIGHEST + 1))) if bar not in _UNSEEN_BARS]
_OF_SHAPES = ("colour", "shape", "count", "place")
_SORTS = (*_OF_SHAPES, "chart")
_COUNTS = ("1", "2", "3", "4")
_HEIGHTS = tuple(map(str, range(1, HIGHEST + 1)))
_WORD = re.compile(r"[a-z0-9]+")


class Asked(NamedTuple):
    """A question and its answer."""

    question: str
    target: str
    choices: tuple[str, ...]


class VisualQuestions(DrawnTask):
    """Colours, shapes, counts and places of what a picture shows."""

    card: ClassVar[TaskCard] = TaskCard(
        name="visual_questions",
        version="1",
        description="Questions about images of coloured shapes: colour, shape, number, place. Half of the test "
        "questions are about combinations of colour and shape that are not in the training data.",
        source="made by rule in paretune.tasks.visual_questions",
        licence="Apache-2.0",
        metrics=(METRICS["accuracy"], METRICS["accuracy_lenient"]),
        parts={
            "seen": "about combinations of colour and shape of the training data",
            "unseen": "about other combinations of the same colours and shapes",
        },
    )
    default_options: ClassVar[dict[str, Any]] = {
        "train_size": 1024,
        "validation_size": 64,
        "test_size": 240,
        "pictures": "drawn",
        "about": _OF_SHAPES,
        "seed": 0,
    }
    later_options = ("about",)
    about_options = {
        "train_size": "Training examples.",
        "validation_size": "Validation questions.",
        "test_size": 'Test questions. Half of them ("unseen") are about combinations that no training example has.',
        "pictures": '"drawn", or "blank": the same empty image with every question, which shows what can be guessed.',
        "about": 'Kinds of questions, in turn: some of "colour", "shape", "count", "place", "chart" (heights of bars).',
        "seed": "Seed of the generated examples. Another seed is other data.",
    }
    option_kinds = {
        **DrawnTask.option_kinds,
        "pictures": one_of("drawn", "blank"),
        "about": some_of(*_SORTS),
    }
    max_new_tokens: ClassVar[int] = 16

    def score(self, text: str, example: Example) -> Score:
        """Judge by the whole answer (strict) and by the first possible answer in it (lenient)."""
        words = _WORD.findall(text.lower())
        said = " ".join(words)
        return Score(said == example.target, _first_choice(words, example.choices) == example.target)

    def draw_one(self, number: int, group: str, draw: random.Random) -> Drawn | None:
        """Return a question of the kind whose turn it is; None where it would have more than one answer."""
        sorts = self.options["about"]
        sort = sorts[number % len(sorts)]
        made = (_of_bars if sort == "chart" else _of_shapes)(sort, group, draw)
        if made is None:
            return None
        asked, picture = made
        example = Example(
            id="",
            prompt=f"Question: {asked.question}\nAnswer:",
            completion=f" {asked.target}",
            target=asked.target,
            group=group,
            messages=(Message("user", f"{asked.question} Answer briefly."), Message("assistant", asked.target)),
            choices=asked.choices,
            picture=drawn(()) if self.options["pictures"] == "blank" else picture,
        )
        return Drawn(example, picture)


def _of_shapes(sort: str, group: str, draw: random.Random) -> tuple[Asked, bytes] | None:
    """Return a question about shapes with its picture; None where it would have more than one answer."""
    about = draw.choice(sorted(UNSEEN) if group == "unseen" else SEEN)
    things = _things(about, draw.choice(_COUNTS) if sort == "count" else "1", draw)
    asked = _asked(sort, things)
    return None if asked is None else (asked, drawn(things))


def _of_bars(
    sort: str,  # noqa: ARG001 # there is one kind of them
    group: str,
    draw: random.Random,
) -> tuple[Asked, bytes]:
    """Return a question about the height of a bar with its chart."""
    about = draw.choice(sorted(_UNSEEN_BARS) if group == "unseen" else _SEEN_BARS)
    colours = [about.colour, *draw.sample([one for one in COLOURS if one != about.colour], draw.randint(1, 4))]
    bars = [about, *(draw.choice([bar for bar in _SEEN_BARS if bar.colour == colour]) for colour in colours[1:])]
    asked = Asked(f"How high is the {about.colour} bar?", str(about.height), _HEIGHTS)
    return asked, drawn_chart(draw.sample(bars, len(bars)))


def _things(about: tuple[str, str], number: str, draw: random.Random) -> tuple[Thing, ...]:
    """Return what is in a picture: first the combination that it is about, as often as asked for, then others."""
    rest = [one for one in SEEN if one != about]
    combinations = [about] * int(number) + [draw.choice(rest) for _ in range(draw.randint(1, 4))]
    cells = draw.sample(range(9), len(combinations))
    return tuple(
        Thing(colour, shape, *divmod(cell, 3), draw.choice(HALVES))
        for (colour, shape), cell in zip(combinations, cells, strict=True)
    )


def _asked(sort: str, things: Sequence[Thing]) -> Asked | None:
    """Return a question about the first thing of a picture; None where it would have more than one answer."""
    one = things[0]
    colours = {thing.colour for thing in things if thing.shape == one.shape}
    shapes = {thing.shape for thing in things if thing.colour == one.colour}
    number = sum((thing.colour, thing.shape) == (one.colour, one.shape) for thing in things)
    match sort:
        case "colour" if len(colours) == 1:
            return Asked(f"What colour is the {one.shape}?", one.colour, tuple(COLOURS))
        case "shape" if len(shapes) == 1:
            return Asked(f"What shape is {one.colour}?", one.shape, SHAPES)
        case "place":
            return Asked(f"Where is the {one.colour} {one.shape}?", one.place, PLACES)
        case "count":
            plural = "crosses" if one.shape == "cross" else f"{one.shape}s"
            return Asked(f"How many {one.colour} {plural} are there?", str(number), _COUNTS)
    return None


def _first_choice(words: Sequence[str], choices: Sequence[str]) -> str | None:
    """Return the possible answer that comes first in words, the longest where several begin together."""
    for place in range(len(words)):
        rest = " ".join(words[place:])
        found = [choice for choice in choices if rest == choice or rest.startswith(f"{choice} ")]
        if found:
            return max(found, key=len)
    return None
