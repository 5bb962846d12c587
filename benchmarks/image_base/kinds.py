"""What the small image model can draw: kinds of things, each drawn in any colour."""

import math
from collections.abc import Callable

from benchmarks.image_base.pen import DARK, LIGHT, Colour, Pen, shade

Draw = Callable[[Pen, Colour], None]

_WOOD: Colour = (134, 92, 58)
_LEAF: Colour = (70, 150, 74)
_BEAK: Colour = (240, 160, 40)
_GLASS: Colour = (190, 226, 240)


def _eyes(pen: Pen, y: float, apart: float, radius: float) -> None:
    for side in (-1, 1):
        pen.ellipse((side * apart, y), (radius, radius), DARK)


def _head(pen: Pen, colour: Colour) -> None:
    pen.ellipse((0, 0.1), (0.8, 0.74), colour)


def _cat(pen: Pen, colour: Colour) -> None:
    for side in (-1, 1):
        pen.polygon([(side * 0.78, -0.95), (side * 0.8, 0.0), (side * 0.15, -0.5)], colour)
    _head(pen, colour)
    _eyes(pen, -0.02, 0.36, 0.14)
    pen.polygon([(-0.14, 0.24), (0.14, 0.24), (0, 0.4)], DARK)
    for side in (-1, 1):
        pen.polygon([(side * 0.3, 0.36), (side * 0.95, 0.26), (side * 0.95, 0.34), (side * 0.3, 0.44)], LIGHT)


def _dog(pen: Pen, colour: Colour) -> None:
    _head(pen, colour)
    for side in (-1, 1):
        pen.ellipse((side * 0.8, 0.05), (0.22, 0.6), shade(colour, 0.55))
    pen.ellipse((0, 0.42), (0.42, 0.34), LIGHT)
    _eyes(pen, -0.1, 0.32, 0.13)
    pen.ellipse((0, 0.28), (0.2, 0.14), DARK)


def _bear(pen: Pen, colour: Colour) -> None:
    for side in (-1, 1):
        pen.ellipse((side * 0.62, -0.58), (0.32, 0.32), colour)
        pen.ellipse((side * 0.62, -0.58), (0.16, 0.16), shade(colour, 1.8))
    _head(pen, colour)
    pen.ellipse((0, 0.4), (0.36, 0.28), shade(colour, 1.8))
    _eyes(pen, -0.05, 0.32, 0.11)
    pen.ellipse((0, 0.3), (0.15, 0.1), DARK)


def _rabbit(pen: Pen, colour: Colour) -> None:
    for side in (-1, 1):
        pen.ellipse((side * 0.34, -0.62), (0.2, 0.55), colour)
        pen.ellipse((side * 0.34, -0.6), (0.09, 0.4), shade(colour, 1.8))
    pen.ellipse((0, 0.32), (0.7, 0.62), colour)
    _eyes(pen, 0.2, 0.3, 0.12)
    pen.box((-0.14, 0.56), (0.14, 0.86), LIGHT)
    pen.ellipse((0, 0.5), (0.12, 0.09), DARK)


def _owl(pen: Pen, colour: Colour) -> None:
    pen.ellipse((0, 0.1), (0.72, 0.85), colour)
    pen.ellipse((0, 0.5), (0.42, 0.42), shade(colour, 1.7))
    for side in (-1, 1):
        pen.polygon([(side * 0.7, -0.95), (side * 0.68, -0.2), (side * 0.1, -0.6)], colour)
        pen.ellipse((side * 0.33, -0.2), (0.34, 0.34), LIGHT)
        pen.ellipse((side * 0.3, -0.2), (0.16, 0.16), DARK)
    pen.polygon([(-0.14, 0.04), (0.14, 0.04), (0, 0.36)], _BEAK)


def _fish(pen: Pen, colour: Colour) -> None:
    pen.polygon([(0.3, 0), (0.98, -0.55), (0.98, 0.55)], shade(colour, 0.65))
    pen.polygon([(-0.3, -0.4), (0.2, -0.85), (0.3, -0.3)], shade(colour, 0.65))
    pen.ellipse((-0.2, 0), (0.76, 0.52), colour)
    pen.ellipse((-0.6, -0.12), (0.15, 0.15), LIGHT)
    pen.ellipse((-0.62, -0.12), (0.08, 0.08), DARK)


def _snail(pen: Pen, colour: Colour) -> None:
    pen.polygon([(-0.95, 0.75), (-0.8, 0.5), (0.95, 0.62), (0.98, 0.85), (-0.9, 0.9)], _BEAK)
    pen.polygon([(-0.95, 0.8), (-0.9, -0.2), (-0.62, -0.2), (-0.5, 0.8)], _BEAK)
    pen.ellipse((0.22, 0.1), (0.68, 0.66), colour)
    pen.ellipse((0.22, 0.12), (0.44, 0.42), shade(colour, 0.6))
    pen.ellipse((0.22, 0.14), (0.2, 0.2), colour)
    pen.ellipse((-0.76, -0.3), (0.13, 0.13), DARK)


def _apple(pen: Pen, colour: Colour) -> None:
    pen.box((-0.07, -0.9), (0.07, -0.3), _WOOD)
    pen.ellipse((0.32, -0.68), (0.28, 0.15), _LEAF)
    for side in (-1, 1):
        pen.ellipse((side * 0.3, 0.18), (0.5, 0.66), colour)
    pen.ellipse((-0.42, -0.06), (0.12, 0.2), shade(colour, 2.2))


def _house(pen: Pen, colour: Colour) -> None:
    pen.box((-0.62, -0.1), (0.62, 0.85), LIGHT)
    pen.polygon([(-0.9, -0.05), (0, -0.92), (0.9, -0.05)], colour)
    pen.box((-0.18, 0.3), (0.18, 0.85), colour)
    pen.box((0.3, 0.1), (0.52, 0.34), DARK)
    pen.box((-0.52, 0.1), (-0.3, 0.34), DARK)


def _tree(pen: Pen, colour: Colour) -> None:
    pen.box((-0.14, 0.2), (0.14, 0.95), _WOOD)
    for centre in ((-0.4, -0.05), (0.4, -0.05), (0, -0.48)):
        pen.ellipse(centre, (0.46, 0.42), colour)


def _flower(pen: Pen, colour: Colour) -> None:
    pen.box((-0.06, 0.1), (0.06, 0.98), _LEAF)
    pen.ellipse((0.3, 0.7), (0.3, 0.13), _LEAF)
    for petal in range(6):
        turn = petal * math.pi / 3
        pen.ellipse((0.4 * math.cos(turn), -0.25 + 0.4 * math.sin(turn)), (0.27, 0.27), colour)
    pen.ellipse((0, -0.25), (0.24, 0.24), DARK)


def _star(pen: Pen, colour: Colour) -> None:
    corners = []
    for corner in range(10):
        turn, reach = -math.pi / 2 + corner * math.pi / 5, 0.98 if corner % 2 == 0 else 0.42
        corners.append((reach * math.cos(turn), 0.06 + reach * math.sin(turn)))
    pen.polygon(corners, colour)


def _heart(pen: Pen, colour: Colour) -> None:
    corners = []
    for corner in range(40):
        turn = 2 * math.pi * corner / 40
        height = 13 * math.cos(turn) - 5 * math.cos(2 * turn) - 2 * math.cos(3 * turn)
        corners.append((0.92 * math.sin(turn) ** 3, -0.06 * height))
    pen.polygon(corners, colour)


def _car(pen: Pen, colour: Colour) -> None:
    pen.polygon([(-0.5, 0.1), (-0.3, -0.42), (0.32, -0.42), (0.6, 0.1)], colour)
    pen.polygon([(-0.34, 0.04), (-0.2, -0.3), (0, -0.3), (0, 0.04)], _GLASS)
    pen.polygon([(0.1, 0.04), (0.1, -0.3), (0.26, -0.3), (0.42, 0.04)], _GLASS)
    pen.box((-0.95, 0.06), (0.95, 0.5), colour)
    for side in (-1, 1):
        pen.ellipse((side * 0.52, 0.52), (0.25, 0.25), DARK)
        pen.ellipse((side * 0.52, 0.52), (0.1, 0.1), LIGHT)


def _boat(pen: Pen, colour: Colour) -> None:
    pen.box((-0.05, -0.9), (0.05, 0.4), _WOOD)
    pen.polygon([(0.12, -0.85), (0.12, 0.25), (0.8, 0.25)], LIGHT)
    pen.polygon([(-0.12, -0.6), (-0.12, 0.25), (-0.6, 0.25)], LIGHT)
    pen.polygon([(-0.95, 0.35), (0.95, 0.35), (0.62, 0.85), (-0.62, 0.85)], colour)


def _mushroom(pen: Pen, colour: Colour) -> None:
    pen.polygon([(-0.26, 0.0), (0.26, 0.0), (0.34, 0.9), (-0.34, 0.9)], LIGHT)
    arc = [(0.92 * math.cos(math.pi * part / 20), 0.12 - 0.92 * math.sin(math.pi * part / 20)) for part in range(21)]
    pen.polygon(arc, colour)
    for centre in ((-0.45, -0.2), (0.1, -0.5), (0.5, -0.12)):
        pen.ellipse(centre, (0.15, 0.15), LIGHT)


def _balloon(pen: Pen, colour: Colour) -> None:
    pen.box((-0.03, 0.4), (0.03, 0.98), DARK)
    pen.polygon([(-0.14, 0.6), (0.14, 0.6), (0, 0.36)], shade(colour, 0.7))
    pen.ellipse((0, -0.22), (0.6, 0.72), colour)
    pen.ellipse((-0.26, -0.5), (0.1, 0.18), shade(colour, 2.2))


def _cup(pen: Pen, colour: Colour) -> None:
    pen.ellipse((0.56, 0.15), (0.36, 0.36), shade(colour, 0.7))
    pen.polygon([(-0.72, -0.4), (0.56, -0.4), (0.44, 0.8), (-0.6, 0.8)], colour)
    pen.ellipse((-0.08, -0.4), (0.64, 0.16), LIGHT)
    pen.ellipse((-0.08, -0.37), (0.52, 0.1), _WOOD)


def _umbrella(pen: Pen, colour: Colour) -> None:
    pen.box((-0.05, -0.1), (0.05, 0.85), _WOOD)
    pen.box((-0.05, 0.78), (0.32, 0.9), _WOOD)
    arc = [(0.95 * math.cos(math.pi * part / 20), 0.1 - 0.95 * math.sin(math.pi * part / 20)) for part in range(21)]
    pen.polygon(arc, colour)
    pen.polygon([(-0.3, 0.1), (0.3, 0.1), (0, -0.82)], shade(colour, 1.8))


def _moon(pen: Pen, colour: Colour) -> None:
    outer = [math.pi * (0.25 + 1.5 * part / 24) for part in range(25)]
    inner = [math.pi * (1.62 - 1.24 * part / 24) for part in range(25)]
    pen.polygon(
        [(0.9 * math.cos(turn), 0.9 * math.sin(turn)) for turn in outer]
        + [(0.4 + 0.68 * math.cos(turn), 0.68 * math.sin(turn)) for turn in inner],
        colour,
    )


KINDS: dict[str, Draw] = {
    "cat": _cat,
    "dog": _dog,
    "bear": _bear,
    "rabbit": _rabbit,
    "owl": _owl,
    "fish": _fish,
    "snail": _snail,
    "apple": _apple,
    "house": _house,
    "tree": _tree,
    "flower": _flower,
    "star": _star,
    "heart": _heart,
    "car": _car,
    "boat": _boat,
    "mushroom": _mushroom,
    "balloon": _balloon,
    "cup": _cup,
    "umbrella": _umbrella,
    "moon": _moon,
}
"""Every kind by the word that captions use."""
