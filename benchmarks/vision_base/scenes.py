"""Images of shapes and digits on a grid with questions about them: what the small image-text model learns from.

It is asked for colours, shapes, digits and places. It is never asked to count, and never sees a chart: these are left
for fine-tuning. Combinations of colour and shape that the task `visual_questions` calls unseen are in no image.
"""

import random
from typing import NamedTuple

import numpy as np

from paretune.tasks.drawn_shapes import (
    BACKGROUND,
    CELL_PIXELS,
    COLOURS,
    HALVES,
    PLACES,
    SEEN,
    SHAPES,
    SIDE_PIXELS,
    inside,
)

DIGITS = tuple("123456789")
_ROWS_OF_DIGITS = {
    "1": "00100 01100 00100 00100 00100 00100 01110",
    "2": "01110 10001 00001 00110 01000 10000 11111",
    "3": "11110 00001 00001 01110 00001 00001 11110",
    "4": "00010 00110 01010 10010 11111 00010 00010",
    "5": "11111 10000 11110 00001 00001 10001 01110",
    "6": "00110 01000 10000 11110 10001 10001 01110",
    "7": "11111 00001 00010 00100 01000 01000 01000",
    "8": "01110 10001 10001 01110 10001 10001 01110",
    "9": "01110 10001 10001 01111 00001 00010 01100",
}
"""Five by seven dots, by rows."""


class Seen(NamedTuple):
    """One shape or digit of an image."""

    colour: str
    sort: str
    """A shape or a digit."""
    cell: int

    @property
    def place(self) -> str:
        """Where it is, in words."""
        return PLACES[self.cell]

    def __str__(self) -> str:
        return f"a {self.colour} {self.sort}"


class Scene(NamedTuple):
    """An image, and questions about it with their answers."""

    pixels: np.ndarray
    """uint8, shape (height, width, 3)."""
    asked: list[tuple[str, str]]


def scene(draw: random.Random, num_questions: int) -> Scene:
    """Return an image of one to six things, and questions whose answers it shows."""
    number = draw.choice((1, 2, 2, 3, 3, 4, 4, 5, 6))
    cells = draw.sample(range(9), number)
    things = [_thing(cell, draw) for cell in cells]
    pixels = np.full((SIDE_PIXELS, SIDE_PIXELS, 3), BACKGROUND, dtype=np.uint8)
    for thing in things:
        row, column = divmod(thing.cell, 3)
        part = pixels[row * CELL_PIXELS : (row + 1) * CELL_PIXELS, column * CELL_PIXELS : (column + 1) * CELL_PIXELS]
        part[_painted(thing, draw)] = COLOURS[thing.colour]
    asked: list[tuple[str, str]] = []
    if draw.random() < 0.3:
        asked.append(("Describe the image.", description(things)))
    while len(asked) < num_questions:
        made = _question(things, draw)
        if made is not None and (made not in asked or draw.random() < 0.1):
            asked.append(made)
    return Scene(pixels, draw.sample(asked, len(asked)))


def description(things: list[Seen]) -> str:
    """Return what an image shows, in the order of reading."""
    return ", ".join(f"{one} at the {one.place}" for one in sorted(things, key=lambda thing: thing.cell))


def _thing(cell: int, draw: random.Random) -> Seen:
    if draw.random() < 0.25:
        return Seen(draw.choice(list(COLOURS)), draw.choice(DIGITS), cell)
    return Seen(*draw.choice(SEEN), cell)


def _painted(thing: Seen, draw: random.Random) -> np.ndarray:
    """Return which pixels of a cell are painted, bool."""
    if thing.sort in SHAPES:
        return inside(thing.sort, draw.choice(HALVES))
    dots = np.array([[dot == "1" for dot in row] for row in _ROWS_OF_DIGITS[thing.sort].split()])
    painted = np.zeros((CELL_PIXELS, CELL_PIXELS), dtype=bool)
    painted[5:19, 7:17] = dots.repeat(2, axis=0).repeat(2, axis=1)
    return painted


def _question(things: list[Seen], draw: random.Random) -> tuple[str, str] | None:
    """Return a question with its answer; None where it would have more than one."""
    one = draw.choice(things)
    is_shape = one.sort in SHAPES
    match draw.choice(("colour", "sort", "where", "what", "there")):
        case "colour":
            colours = {other.colour for other in things if other.sort == one.sort}
            return (f"What colour is the {one.sort}?", one.colour) if len(colours) == 1 else None
        case "sort":
            sorts = {
                other.sort for other in things if other.colour == one.colour and (other.sort in SHAPES) == is_shape
            }
            what = "shape" if is_shape else "number"
            return (f"What {what} is {one.colour}?", one.sort) if len(sorts) == 1 else None
        case "where":
            places = [other.place for other in things if other[:2] == one[:2]]
            return (f"Where is the {one.colour} {one.sort}?", one.place) if len(places) == 1 else None
        case "what":
            cell = draw.choice((one.cell, one.cell, one.cell, draw.randrange(9)))
            there = [other for other in things if other.cell == cell]
            return f"What is at the {PLACES[cell]}?", str(there[0]) if there else "nothing"
        case _:
            colour, shape = one[:2] if is_shape and draw.random() < 0.5 else draw.choice(SEEN)
            found = any(other[:2] == (colour, shape) for other in things)
            return f"Is there a {colour} {shape}?", "yes" if found else "no"
