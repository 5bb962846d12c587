"""Learning rates around a prior, evenly spaced in the logarithm, and how the grid is widened."""

import math
from collections.abc import Collection
from enum import StrEnum
from typing import NamedTuple

from paretune.spec import Tuning

_DIGITS = 3


class Edge(StrEnum):
    """An end of the grid."""

    LOWER = "lower"
    UPPER = "upper"


class Bounds(NamedTuple):
    """The ends of a grid, in steps from the prior. One grid serves all methods of a task."""

    low: int
    high: int

    def widened(self, edges: Collection[Edge], by: int) -> "Bounds":
        """Return the bounds with `by` more steps on each of the sides named."""
        return Bounds(self.low - by * (Edge.LOWER in edges), self.high + by * (Edge.UPPER in edges))

    def edge_at(self, position: float) -> Edge | None:
        """Return the end whose step a position, in steps from the prior, belongs to; None inside."""
        step = math.floor(position + 0.5)
        return Edge.LOWER if step <= self.low else Edge.UPPER if step >= self.high else None


def first_bounds(tuning: Tuning) -> Bounds:
    """Return the bounds of the first round: as many steps below the prior as above it."""
    return Bounds(-(tuning.rates // 2), tuning.rates // 2)


def rate_at(prior: float, step: float, per_decade: int) -> float:
    """Return the rate `step` steps above the prior, rounded to three digits so that it is the same everywhere.

    Step 0 is the prior as it was given.
    """
    return prior if step == 0 else rounded(prior * 10 ** (step / per_decade))


def step_of(rate: float, prior: float, per_decade: int) -> float:
    """Return how many steps a rate lies above the prior."""
    return math.log10(rate / prior) * per_decade


def rounded(rate: float) -> float:
    """Return a rate to three significant digits."""
    return float(f"{rate:.{_DIGITS}g}")
