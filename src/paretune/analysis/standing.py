"""How sure a row's place among the others of its task is."""

from typing import NamedTuple

from paretune.analysis.estimate import Estimate
from paretune.analysis.ranks import Place


class Standing(NamedTuple):
    """One row among those of its task and split that ended well."""

    estimate: Estimate
    """The row's main figure."""
    place: Place
    """Its rank by the main figure."""
    confidence_set_p_value: float
    """Of its being among the best, from the model confidence set."""
    front_probabilities: dict[str, float]
    """For each cost that may be compared, the probability of lying on the Pareto front of it and the main figure."""

    @property
    def tied_for_best(self) -> bool:
        """Whether the data cannot tell the row from the best one, at 95 %; the best one itself is among them."""
        return self.confidence_set_p_value >= 0.05
