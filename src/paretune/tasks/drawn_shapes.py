"""Pictures of coloured shapes on a grid, and bar charts: drawn by rules in whole numbers, the same bytes everywhere."""

from collections.abc import Sequence
from functools import cache
from itertools import product
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    import numpy as np

COLOURS: dict[str, tuple[int, int, int]] = {
    "red": (214, 40, 40),
    "green": (42, 157, 60),
    "blue": (38, 84, 214),
    "yellow": (244, 200, 20),
    "purple": (130, 48, 168),
}
SHAPES = ("square", "circle", "triangle", "cross", "diamond")
UNSEEN = tuple(zip(COLOURS, SHAPES, strict=True))
"""Combinations that are in no picture of training data: each colour and each shape is left out once."""
SEEN = [one for one in product(COLOURS, SHAPES) if one not in UNSEEN]
HALVES = (7, 8, 9, 10)
"""Sizes that things are drawn in, as `Thing.half_pixels`."""
ROWS, COLUMNS = ("top", "middle", "bottom"), ("left", "centre", "right")
CELL_PIXELS = 24
SIDE_PIXELS = CELL_PIXELS * len(ROWS)
BACKGROUND = 236
HIGHEST = 5
_UNIT_PIXELS = SIDE_PIXELS // (HIGHEST + 1)
_BAR_PIXELS, _GAP_PIXELS = 10, 3
_LINE = 176
"""The grey of the lines at every unit, from which heights are read."""


class Thing(NamedTuple):
    """One shape of a picture."""

    colour: str
    shape: str
    row: int
    column: int
    half_pixels: int
    """Half of its height and width."""

    @property
    def place(self) -> str:
        """Where it is, in words."""
        return "centre" if self.row == self.column == 1 else f"{ROWS[self.row]} {COLUMNS[self.column]}"


class Bar(NamedTuple):
    """One bar of a chart."""

    colour: str
    height: int
    """In units, up to `HIGHEST`."""


PLACES = tuple(Thing("", "", row, column, 0).place for row in range(3) for column in range(3))


def drawn(things: tuple[Thing, ...]) -> bytes:
    """Return a picture of things in different cells as a file: a PPM, whose bytes depend on no library."""
    pixels = _empty()
    for thing in things:
        rows = slice(thing.row * CELL_PIXELS, (thing.row + 1) * CELL_PIXELS)
        columns = slice(thing.column * CELL_PIXELS, (thing.column + 1) * CELL_PIXELS)
        pixels[rows, columns][inside(thing.shape, thing.half_pixels)] = COLOURS[thing.colour]
    return _file(pixels)


def drawn_chart(bars: Sequence[Bar]) -> bytes:
    """Return a chart of up to five bars, from left to right, as a file like that of `drawn`."""
    pixels = _empty()
    ground = _UNIT_PIXELS * HIGHEST + _UNIT_PIXELS // 2
    pixels[[ground - unit * _UNIT_PIXELS for unit in range(HIGHEST + 1)]] = _LINE
    left = (SIDE_PIXELS - len(bars) * (_BAR_PIXELS + _GAP_PIXELS) + _GAP_PIXELS) // 2
    for place, bar in enumerate(bars):
        start = left + place * (_BAR_PIXELS + _GAP_PIXELS)
        pixels[ground - bar.height * _UNIT_PIXELS : ground, start : start + _BAR_PIXELS] = COLOURS[bar.colour]
    return _file(pixels)


def _empty() -> "np.ndarray[Any, Any]":
    """Return a picture with nothing on it, uint8, (SIDE_PIXELS, SIDE_PIXELS, 3)."""
    import numpy as np

    return np.full((SIDE_PIXELS, SIDE_PIXELS, 3), BACKGROUND, dtype=np.uint8)


def _file(pixels: "np.ndarray[Any, Any]") -> bytes:
    return b"P6 %d %d 255\n" % (SIDE_PIXELS, SIDE_PIXELS) + pixels.tobytes()


@cache
def inside(shape: str, half: int) -> "np.ndarray[Any, Any]":
    """Return which pixels of a cell belong to a shape at its centre, bool, (CELL_PIXELS, CELL_PIXELS)."""
    import numpy as np

    along = np.arange(CELL_PIXELS) - CELL_PIXELS // 2
    down, right = along[:, None], along[None, :]
    far = np.maximum(abs(down), abs(right))
    inside: np.ndarray[Any, Any]
    match shape:
        case "square":
            inside = far <= half
        case "circle":
            inside = down * down + right * right <= half * half
        case "triangle":
            inside = (abs(down) <= half) & (2 * abs(right) <= down + half)
        case "cross":
            inside = (far <= half) & (3 * np.minimum(abs(down), abs(right)) <= half)
        case _:
            inside = abs(down) + abs(right) <= half
    return inside
