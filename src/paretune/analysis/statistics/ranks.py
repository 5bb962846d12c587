"""Places in an order, and how sure they are."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from paretune.analysis.statistics.confidence_set import ToldApart
from paretune.analysis.statistics.draws import Draws
from paretune.analysis.statistics.estimate import Estimate
from paretune.analysis.statistics.scores import FloatArray
from paretune.analysis.statistics.shares_of_draws import shares_of_draws


class Place(NamedTuple):
    """Where a method stands among those compared; 1 is the best."""

    rank: int
    low: int
    """Lower end of the rank's confidence set: 1 plus the number of methods that are significantly better."""
    high: int
    """Upper end: the number of methods less that of those that are significantly worse."""
    p_best: float
    """Share of draws in which no method is better; draws with several best are split among them."""


class Power(NamedTuple):
    """Which differences a study can find."""

    difference: float
    """The true difference of two trained methods' main metric that is found with 80 % power, by the corrected test."""
    num_pairs: int
    """Pairs of rows that tests are corrected for."""
    num_rows: int
    """Rows that these pairs are of."""


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
    power: Power | None = None
    """Of the study that it is a row of; None with fewer than two trained rows whose answers are known one by one."""

    @property
    def tied_for_best(self) -> bool:
        """Whether the confidence set of its rank holds 1: no method is significantly better."""
        return self.place.low == 1


def places(draws: Draws, told: ToldApart, best: FloatArray | None = None) -> list[Place]:
    """Return the place of each method when more is better; `told` is what their p-values say.

    The sets from `low` to `high` hold the true ranks of all methods at once with a confidence of 95 % (Mogstad, Romano,
    Shaikh and Wilhelm, Review of Economic Studies 91, 2024). A method is tied for best where its set holds 1. `best` is
    what `shares_of_draws` says, where that is known.
    """
    shares = shares_of_draws(draws).best if best is None else best
    low, high = 1 + told.num_better, len(draws.means) - told.num_worse
    return [
        Place(rank, int(low[place]), int(high[place]), float(shares[place]))
        for place, rank in enumerate(_ranks(draws.means))
    ]


def _ranks(means: FloatArray) -> Sequence[int]:
    """Return 1 plus the number of methods with a higher mean."""
    known = np.sort(means[~np.isnan(means)])
    return [1 + max(0, len(known) - int(end)) for end in np.searchsorted(known, means, side="right")]
