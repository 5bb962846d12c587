"""In how many of many draws each method lies on the Pareto front."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from paretune.analysis.statistics.scores import FloatArray

Counts = NDArray[np.int64]
_NUM_PIVOTS = 12
_WORTH_A_COPY = 0.9
"""Methods that are beaten in every draw are taken out when fewer than this share are left."""


def times_on_front(costs: Sequence[FloatArray]) -> Counts:
    """Return in how many draws no other method dominates each, int64 of shape (methods,).

    `costs` are arrays of shape (methods, draws) without NaN, less being better. Equal methods stay together.
    """
    if not len(costs[0]):
        return np.zeros(0, dtype=np.int64)
    if len(costs) != 2:
        return _of_any(costs)
    one, other = costs
    if _is_constant(other):
        one, other = other, one
    return _of_a_constant(one[:, 0], other) if _is_constant(one) else _of_two(one, other)


def finite(costs: FloatArray) -> FloatArray:
    """Return costs (points, metrics) that compare in the same way, infinities replaced by finite values beyond all."""
    if np.isfinite(costs).all():
        return costs
    ranks: Counts = np.stack([np.unique(column, return_inverse=True)[1] for column in costs.T], axis=1)
    return ranks.astype(float)


def _is_constant(cost: FloatArray) -> bool:
    return bool((cost == cost[:, :1]).all())


def _of_any(costs: Sequence[FloatArray]) -> Counts:
    import moocore

    points: Any = np.stack(costs, axis=-1)
    times = np.zeros(len(points), dtype=np.int64)
    for draw in range(points.shape[1]):
        times += moocore.is_nondominated(finite(points[:, draw]), keep_weakly=True)
    return times


def _of_a_constant(cost: FloatArray, other: FloatArray) -> Counts:
    """Return the counts where one cost, of shape (methods,), is the same in all draws: it is sorted once."""
    order = np.argsort(cost, kind="stable")
    is_new = cost[order][1:] != cost[order][:-1]
    starts = np.flatnonzero(np.concatenate([[True], is_new]))
    ends = np.append(starts[1:], len(order)) - 1
    group = np.cumsum(np.concatenate([[False], is_new]))
    values = other[order]
    least = np.minimum.accumulate(values, axis=0)
    # Beaten by one with less of the first cost, or by one that is equal in it and better in the second.
    on_front = values <= least[ends[group]]
    behind = group > 0
    on_front[behind] &= values[behind] < least[starts[group[behind]] - 1]
    times = np.empty(len(order), dtype=np.int64)
    times[order] = on_front.sum(axis=1)
    return times


def _of_two(one: FloatArray, other: FloatArray) -> Counts:
    """Return the counts of two costs that vary: most methods are beaten by a few good ones, the rest is sorted."""
    alive, left = _not_beaten_by_pivots(one, other)
    numbers, draws = np.nonzero(left)
    rows = alive[numbers]
    first, second = one[rows, draws], other[rows, draws]
    ranks = np.unique(second, return_inverse=True)[1]
    order = np.lexsort((ranks, first, draws))
    draws, first, ranks = draws[order], first[order], ranks[order]
    # Later draws have smaller keys, so that the least one so far is always that of the same draw.
    keys = ranks - draws * (len(ranks) + 1)
    is_new = np.concatenate([[True], (draws[1:] != draws[:-1]) | (first[1:] != first[:-1])])
    starts = np.maximum.accumulate(np.where(is_new, np.arange(len(keys)), 0))
    least = np.minimum.accumulate(keys)
    on_front = keys == keys[starts]
    behind = starts > 0
    on_front[behind] &= keys[behind] < least[starts[behind] - 1]
    return np.bincount(rows[order][on_front], minlength=len(one))


def _not_beaten_by_pivots(one: FloatArray, other: FloatArray) -> tuple[Counts, NDArray[np.bool_]]:
    """Return the places of methods, and in which draws no good method beats them in both costs: (places, draws)."""
    alive, left = np.arange(len(one)), np.ones(one.shape, dtype=bool)
    first, second = one, other
    for pivot in _pivots(one[:, 0], other[:, 0]):
        left &= (first <= one[pivot]) | (second <= other[pivot])
        kept = left.any(axis=1)
        if kept.mean() < _WORTH_A_COPY:
            alive, left, first, second = alive[kept], left[kept], first[kept], second[kept]
    return alive, left


def _pivots(one: FloatArray, other: FloatArray) -> list[int]:
    """Return places of methods along the front of two costs of shape (methods,), a middle one first."""
    order = np.lexsort((other, one))
    least = np.minimum.accumulate(other[order])
    front = order[np.concatenate([[True], least[1:] < least[:-1]])]
    chosen = np.unique(np.linspace(0, len(front) - 1, _NUM_PIVOTS).round().astype(int))
    middle_first = sorted(chosen.tolist(), key=lambda place: abs(place - len(front) / 2))
    return [int(front[place]) for place in middle_first]
