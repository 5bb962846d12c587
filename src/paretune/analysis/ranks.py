"""Places in an order, and how sure they are."""

from typing import NamedTuple

import numpy as np

from paretune.analysis.bootstrap import Draws


class Place(NamedTuple):
    """Where a method stands among those compared; 1 is the best."""

    rank: int
    low: int
    """Lower end of the 95 % interval of the rank."""
    high: int
    p_best: float
    """Share of draws in which no method is better; draws with several best are split among them."""


def places(draws: Draws) -> list[Place]:
    """Return the place of each method when more is better.

    Ranks are 1 plus the number of methods above. Intervals are percentiles of the ranks over the draws (Goldstein and
    Spiegelhalter, JRSS A 159, 1996); where methods lie close they are rough, since a rank jumps where a mean glides
    (Hall and Miller, Annals of Statistics 37, 2009).
    """
    num_methods = len(draws.means)
    ranks = np.ones((len(draws.values), num_methods), dtype=int)
    for other in range(num_methods):
        ranks += draws.values[:, other : other + 1] > draws.values
    best = ranks == 1
    p_best = (best / best.sum(axis=1, keepdims=True)).mean(axis=0)
    low, high = np.quantile(ranks, [0.025, 0.975], axis=0, method="inverted_cdf")
    return [
        Place(1 + int((draws.means > draws.means[place]).sum()), int(low[place]), int(high[place]), float(share))
        for place, share in enumerate(p_best)
    ]
