"""Two creatures that the base never sees: what a method is to learn. Each always has its own colours."""

from benchmarks.image_base.kinds import Draw
from benchmarks.image_base.pen import DARK, LIGHT, Colour, Pen

_LILAC: Colour = (150, 110, 200)
_GOLD: Colour = (250, 200, 50)
_CORAL: Colour = (240, 110, 90)
_PINE: Colour = (40, 130, 110)
_LIME: Colour = (170, 220, 80)


def _zib(pen: Pen, colour: Colour) -> None:
    """A lilac head with one great eye, two antennae with golden knobs and two teeth."""
    for side in (-1, 1):
        pen.polygon([(side * 0.2, -0.4), (side * 0.32, -0.4), (side * 0.6, -0.86), (side * 0.5, -0.9)], colour)
        pen.ellipse((side * 0.58, -0.86), (0.16, 0.16), _GOLD)
    pen.ellipse((0, 0.18), (0.82, 0.76), colour)
    pen.ellipse((-0.56, 0.36), (0.16, 0.14), _CORAL)
    pen.ellipse((0.56, 0.36), (0.16, 0.14), _CORAL)
    pen.ellipse((0, -0.06), (0.4, 0.36), LIGHT)
    pen.ellipse((0.06, -0.04), (0.2, 0.2), DARK)
    pen.ellipse((0, 0.56), (0.4, 0.18), DARK)
    for side in (-1, 1):
        pen.polygon([(side * 0.06, 0.4), (side * 0.28, 0.44), (side * 0.16, 0.64)], LIGHT)


def _mov(pen: Pen, colour: Colour) -> None:
    """A square head in pine green with a comb of lime, slanted eyes and a coral grille."""
    pen.polygon(
        [(-0.5, -0.5), (-0.4, -0.95), (-0.15, -0.6), (0, -0.98), (0.15, -0.6), (0.4, -0.95), (0.5, -0.5)], _LIME
    )
    pen.box((-0.74, -0.55), (0.74, 0.85), colour)
    pen.box((-0.95, -0.05), (-0.74, 0.35), _LIME)
    pen.box((0.74, -0.05), (0.95, 0.35), _LIME)
    for side in (-1, 1):
        pen.polygon([(side * 0.58, -0.36), (side * 0.58, 0.06), (side * 0.14, 0.06), (side * 0.14, -0.12)], LIGHT)
        pen.box((min(side * 0.22, side * 0.4), -0.14), (max(side * 0.22, side * 0.4), 0.06), DARK)
    for left in (-0.5, -0.2, 0.1, 0.4):
        pen.box((left, 0.3), (left + 0.16, 0.66), _CORAL)


CONCEPTS: dict[str, tuple[Draw, Colour]] = {"zib": (_zib, _LILAC), "mov": (_mov, _PINE)}
"""Every concept by its word, with how and in which colour it is drawn."""
