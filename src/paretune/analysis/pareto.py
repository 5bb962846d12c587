"""Which points are beaten by no other."""

import math
from collections.abc import Sequence

from paretune.spec import Direction

Point = Sequence[float | None]


def pareto_front(points: Sequence[Point], directions: Sequence[Direction]) -> list[int]:
    """Return the indices, ascending, of the points that no other point dominates.

    A point dominates another when it is at least as good in every direction and better in one; equal points stay
    together. A point with a missing value (None or NaN) is never on the front and dominates nothing.
    Raises `ValueError` when a point has not one value for each direction.
    """
    lowered: dict[int, tuple[float, ...]] = {}
    for index, point in enumerate(points):
        if len(point) != len(directions):
            raise ValueError(f"point {index} has {len(point)} values for {len(directions)} directions")
        values = [value for value in point if value is not None and not math.isnan(value)]
        if len(values) == len(directions):
            signs = (-1.0 if direction is Direction.HIGHER else 1.0 for direction in directions)
            lowered[index] = tuple(sign * value for sign, value in zip(signs, values, strict=True))
    return [
        index for index, point in lowered.items() if not any(_dominates(other, point) for other in lowered.values())
    ]


def _dominates(one: tuple[float, ...], other: tuple[float, ...]) -> bool:
    """Tell whether `one` is nowhere above `other` and somewhere below it."""
    return one != other and all(mine <= theirs for mine, theirs in zip(one, other, strict=True))
