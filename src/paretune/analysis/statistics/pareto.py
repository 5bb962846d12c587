"""Which points are beaten by no other, and how much of the space they command."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from paretune.analysis.statistics.draws import at_once
from paretune.analysis.statistics.front_counts import finite, times_on_front
from paretune.analysis.statistics.scores import FloatArray
from paretune.spec import Direction

Point = Sequence[float | None]


def pareto_front(points: Sequence[Point] | FloatArray, directions: Sequence[Direction]) -> list[int]:
    """Return the indices, ascending, of the points that no other point dominates.

    A point dominates another when it is at least as good in every direction and better in one; equal points stay
    together. A point with a missing value (None or NaN) is never on the front and dominates nothing. A million points
    in two directions take about a second. Raises `ValueError` when a point has not one value for each direction.
    """
    import moocore

    costs = _as_costs(points, directions)
    whole = np.flatnonzero(~np.isnan(costs).any(axis=1))
    if not len(whole):
        return []
    beyond: Any = moocore.is_nondominated(finite(costs[whole]), keep_weakly=True)
    return [int(index) for index in whole[beyond]]


def hypervolume(points: Sequence[Point] | FloatArray, directions: Sequence[Direction], reference: Point) -> float:
    """Return the volume between the points and a reference point that is fixed in advance, in the product of the units.

    Points that are not better than the reference in every direction add nothing, nor do points with a missing value.
    Zitzler and Thiele, IEEE Transactions on Evolutionary Computation 3 (1999). Raises `ValueError` when a size is wrong
    or the reference has a missing value.
    """
    import moocore

    costs, limit = _with_reference(points, directions, reference)
    return float(moocore.hypervolume(costs, ref=limit)) if len(costs) else 0.0


def hypervolume_contributions(
    points: Sequence[Point] | FloatArray, directions: Sequence[Direction], reference: Point
) -> list[float]:
    """Return how much of the volume each point alone is responsible for: what would be lost without it.

    0 for a point that others dominate or equal, or that has a missing value. Raises `ValueError` as `hypervolume` does.
    """
    import moocore

    costs = _as_costs(points, directions)
    kept = [int(index) for index in np.flatnonzero(~np.isnan(costs).any(axis=1))]
    inside, limit = _with_reference(points, directions, reference)
    found = [0.0] * len(costs)
    if kept:
        shares = moocore.hv_contributions(inside, ref=limit, ignore_dominated=False)
        for index, share in zip(kept, shares, strict=True):
            found[index] = float(share)
    return found


def front_probability(draws: Sequence[FloatArray], directions: Sequence[Direction]) -> FloatArray:
    """Return each method's share of the draws in which it lies on the Pareto front, float64 of shape (methods,).

    `draws` holds one array for each direction, float64 of shape (draws, methods); a method with NaN is never on it.
    Raises `ValueError` when the arrays differ in shape or in number from the directions.
    """
    if len(draws) != len(directions) or len({one.shape for one in draws}) != 1:
        raise ValueError("there must be one array of draws for each direction, all of one shape")
    signs = [-1.0 if direction is Direction.HIGHER else 1.0 for direction in directions]
    costs = [sign * one.T for sign, one in zip(signs, draws, strict=True)]
    there = np.flatnonzero(~np.any([np.isnan(one).any(axis=1) for one in costs], axis=0))
    num_methods, num_draws = costs[0].shape
    times: FloatArray = np.zeros(num_methods)
    number = at_once(len(there))
    for start in range(0, num_draws, number):
        times[there] += times_on_front([one[there, start : start + number] for one in costs])
    times /= num_draws
    return times


def _as_costs(points: Sequence[Point] | FloatArray, directions: Sequence[Direction]) -> FloatArray:
    """Return the points as float64 of shape (points, directions), less being better, NaN where missing."""
    if isinstance(points, np.ndarray) and points.shape[1:] != (len(directions),):
        raise ValueError(f"the points have shape {points.shape}; they need {len(directions)} columns")
    if not isinstance(points, np.ndarray):
        for index, point in enumerate(points):
            if len(point) != len(directions):
                raise ValueError(f"point {index} has {len(point)} values for {len(directions)} directions")
    table = np.array(points, dtype=float).reshape(-1, len(directions))
    table *= np.array([-1.0 if direction is Direction.HIGHER else 1.0 for direction in directions])
    return table


def _with_reference(
    points: Sequence[Point] | FloatArray, directions: Sequence[Direction], reference: Point
) -> tuple[FloatArray, FloatArray]:
    """Return the whole points and the reference as costs."""
    costs, limit = _as_costs(points, directions), _as_costs([reference], directions)[0]
    if np.isnan(limit).any():
        raise ValueError("the reference point needs a value in every direction")
    return costs[~np.isnan(costs).any(axis=1)], limit
