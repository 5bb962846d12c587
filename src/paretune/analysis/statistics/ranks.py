"""Places in an order, and how sure they are."""

from typing import NamedTuple

import numpy as np

from paretune.analysis.statistics.bootstrap import Draws
from paretune.analysis.statistics.confidence_set import SIGNIFICANCE
from paretune.analysis.statistics.estimate import Estimate
from paretune.analysis.statistics.scores import FloatArray


class Place(NamedTuple):
    """Where a method stands among those compared; 1 is the best."""

    rank: int
    low: int
    """Lower end of the rank's confidence set: 1 plus the number of methods that are significantly better."""
    high: int
    """Upper end: the number of methods less that of those that are significantly worse."""
    p_best: float
    """Share of draws in which no method is better; draws with several best are split among them."""


class Standing(NamedTuple):
    """One row among those of its task and split that ended well."""

    estimate: Estimate
    """The row's main metric."""
    place: Place
    """Its rank by the main metric."""
    confidence_set_p_value: float
    """Of being the best: adjusted for all pairs of methods, below 0.05 where another is significantly better."""
    sampling_note: str | None
    """What intervals speak of where questions come in clusters; None where they are independent."""
    front_probabilities: dict[str, float]
    """For each cost that may be compared, the probability of lying on the Pareto front of it and the main metric."""

    @property
    def tied_for_best(self) -> bool:
        """Whether the confidence set of its rank holds 1: no method is significantly better."""
        return self.place.low == 1


def places(draws: Draws, p_values: FloatArray) -> list[Place]:
    """Return the place of each method when more is better; `p_values` are those of `pairwise_p_values`.

    The sets from `low` to `high` hold the true ranks of all methods at once with a confidence of 95 % (Mogstad, Romano,
    Shaikh and Wilhelm, Review of Economic Studies 91, 2024). A method is tied for best where its set holds 1.
    """
    means, num_methods = draws.means, len(draws.means)
    best = draws.values == np.nanmax(draws.values, axis=1, keepdims=True)
    p_best = (best / best.sum(axis=1, keepdims=True)).mean(axis=0)
    better = p_values < SIGNIFICANCE
    low, high = 1 + better.sum(axis=0), num_methods - better.sum(axis=1)
    return [
        Place(1 + int((means > means[place]).sum()), int(low[place]), int(high[place]), float(share))
        for place, share in enumerate(p_best)
    ]
