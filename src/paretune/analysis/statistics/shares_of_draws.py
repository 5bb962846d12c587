"""In which share of the draws each method is the best, or on a Pareto front, counted block by block."""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from paretune.analysis.statistics.draws import Blocks, Draws, at_once
from paretune.analysis.statistics.front_counts import times_on_front
from paretune.analysis.statistics.scores import FloatArray
from paretune.spec import Direction


class CostDraws(NamedTuple):
    """Draws of a cost of the same methods."""

    blocks: Blocks
    direction: Direction


class SharesOfDraws(NamedTuple):
    """Shares of draws, float64 of shape (methods,) each."""

    best: FloatArray
    """In which no method is better; draws with several best are split among them."""
    on_front: dict[str, FloatArray]
    """For each cost, in which the method lies on the Pareto front of it and the value that is drawn."""


def shares_of_draws(
    draws: Draws, costs: Mapping[str, CostDraws] | None = None, left_out: tuple[int, ...] = ()
) -> SharesOfDraws:
    """Return the shares, more being better. Methods at places that are left out, and those with NaN, are on no front.

    No more than about a million draws of a value are held at a time.
    """
    number = at_once(len(draws.means))
    fronts = costs or {}
    best: FloatArray = np.zeros(len(draws.means))
    on_front: dict[str, FloatArray] = {cost: np.zeros(len(draws.means)) for cost in fronts}
    inside = np.isfinite(draws.means)
    inside[list(left_out)] = False
    num_draws = 0
    blocks = [one.blocks(number) for one in fronts.values()]
    for values in draws.blocks(number):
        is_best = values == np.nanmax(values, axis=0)
        best += (is_best / is_best.sum(axis=0)).sum(axis=1)
        num_draws += values.shape[1]
        for (cost, (_, direction)), block in zip(fronts.items(), map(next, blocks), strict=True):
            there = np.flatnonzero(inside & ~np.isnan(block[:, 0]))
            turned = block[there] if direction is Direction.LOWER else -block[there]
            on_front[cost][there] += times_on_front([-values[there], turned])
    return SharesOfDraws(best / num_draws, {cost: times / num_draws for cost, times in on_front.items()})
