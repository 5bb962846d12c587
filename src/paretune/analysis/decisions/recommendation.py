"""An answer to "which method should I use?", as data."""

import math
from collections.abc import Iterable, Mapping
from typing import Any, Literal

from paretune.analysis.decisions.requirements import Limit, Reason
from paretune.analysis.statistics.intervals import Z_95, Interval
from paretune.spec import Metric, metric_table
from paretune.spec.base import Data, later
from paretune.spec.metrics import earlier_metrics
from paretune.spec.shown import Shown

SAME_SHARE = 0.03
"""Smaller differences of a cost, as a share of it, are no reason to prefer a method."""


class Merit(Data):
    """One reason for a method to be on the short list."""

    kind: Literal["best", "tied for best", "least cost"]
    metric: str | None = None
    """The cost of which it has the least among those tied for best."""


class Candidate(Data):
    """A method that meets every requirement."""

    name: str
    value: float
    """The objective: the metric's mean, or with weights the weighted sum from 0 to 1."""
    quality: float | None
    """The main metric of the task, such as its accuracy."""
    interval: Interval | None
    """95 % interval of the main metric."""
    metrics: dict[str, float]
    standard_errors: dict[str, float] = {}
    """Of the values that have one."""
    trains: bool
    probability_best: float
    """Of being the best of the admissible methods by the objective."""
    confidence_set_p_value: float
    """Of being among the best of the admissible methods; tied for best from 0.05."""
    limit_probabilities: dict[str, float]
    """For each limit, the probability that the method keeps it, where that is in doubt."""
    worse_than: str | None = None
    """The method that is significantly better by the objective, the best as measured where it is; None where tied."""
    no_claim_because: str = ""
    """The points of the protocol that these two do not meet, as clauses: then it is behind in these runs, no more."""
    not_shown_above: tuple[str, ...] = ()
    """What trains no base model, and than which it was not shown to be better by the main metric."""
    merits: tuple[Merit, ...] = ()
    """Why it is on the short list; none where it is not."""
    outdone_by: str | None = None
    """A method on the short list that is no worse in value, and than which it needs clearly less of no cost."""

    def needs_less(self, cost: str, other: "Candidate") -> bool:
        """Tell whether it needs less of a cost than another, by more than measuring it again would change."""
        own, theirs = self.need(cost), other.need(cost)
        if own is None or theirs is None:
            return False
        errors = [one.standard_errors.get(cost, 0.0) for one in (self, other)]
        return theirs - own > max(Z_95 * math.hypot(*errors), SAME_SHARE * abs(theirs))

    def need(self, cost: str) -> float | None:
        """Return what it needs of a cost: nothing where it is not trained, None where that was not measured."""
        return self.metrics.get(cost, None if self.trains else 0.0)


class RuledOut(Data):
    """A method that does not meet a requirement."""

    name: str
    reasons: tuple[Reason, ...]


class Experiment(Data):
    """What to run next to tell the two leading methods apart."""

    first: str
    second: str
    more_questions: int | None
    """Approximate number of additional questions; None where not even 100 times as many would do by themselves."""
    more_seeds: int | None
    """Of each that is trained."""
    times_both: int | None = None
    """So many times as many questions and seeds together, where neither alone would do."""
    num_seeds: int
    """Seeds that the trained one with fewer has today; 0 where neither is trained."""
    trained: tuple[str, ...] = ()
    """Those of the two that are trained: more seeds of the others would give the same."""
    tuned: bool = False
    """Whether both were tuned with the same budget: what comes first where they were not."""
    seed_seconds: float | None = None
    """Seconds of one more seed of each trained method: the mean of its trials, summed; None where that is not known."""


class Recommendation(Shown, Data):
    """Which methods to use, why, and how sure that is."""

    task: str
    split: str
    weights: dict[str, float]
    """The objective: one metric with weight 1, or several."""
    limits: tuple[Limit, ...]
    capabilities: tuple[str, ...]
    scored: tuple[Metric, ...] = later(())
    """What the task scores, the main metric first; empty where that follows from the names of what was measured."""
    shortlist: tuple[Candidate, ...]
    """The best first, then what cannot be told from it and has something cheaper to offer."""
    others: tuple[Candidate, ...]
    """Admissible methods that are not on the short list, the best first."""
    ruled_out: tuple[RuledOut, ...]
    next_experiment: Experiment | None
    """None where only one method is left that may be the best."""
    no_claim_because: str = ""
    """The points of the protocol that keep every difference between admissible methods from being a claim, as clauses;
    empty where some difference is one."""
    notes: tuple[str, ...] = ()

    def __repr_args__(self) -> Iterable[tuple[str | None, Any]]:
        """Yield the methods by name; `print` shows the reasons."""
        yield from {"task": self.task, "shortlist": [one.name for one in self.shortlist]}.items()
        yield from {
            "others": [one.name for one in self.others],
            "ruled_out": [one.name for one in self.ruled_out],
        }.items()

    @property
    def table(self) -> Mapping[str, Metric]:
        """Every metric by name that is spoken of."""
        return metric_table(self.scored)

    def main_metric_of(self, candidate: Candidate) -> Metric:
        """Return the metric that `quality` of a candidate is the value of."""
        return (self.scored or earlier_metrics(candidate.metrics))[0]

    @property
    def admissible(self) -> tuple[str, ...]:
        """The names of the methods that meet every requirement; a tighter limit only ever takes names away."""
        return tuple(candidate.name for candidate in (*self.shortlist, *self.others))
