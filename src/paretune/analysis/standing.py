"""How sure a row's place among the others of its task is."""

from typing import NamedTuple

from paretune.analysis.estimate import Estimate
from paretune.analysis.ranks import Place


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
