"""The methods that meet what a person needs, in order, each with what can be said about it."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from paretune.analysis.decisions.checklist import checklist, obstacles
from paretune.analysis.decisions.objective import objective_draws
from paretune.analysis.decisions.recommendation import Candidate
from paretune.analysis.decisions.requirements import Capabilities, Limit
from paretune.analysis.statistics.confidence_set import SIGNIFICANCE, pairwise_p_values, told_apart
from paretune.analysis.statistics.draws import Draws
from paretune.analysis.statistics.ranks import Place, places
from paretune.analysis.statistics.scores import FloatArray
from paretune.analysis.table.comparison_set import ComparisonSet
from paretune.analysis.table.judged import row_estimate
from paretune.analysis.table.rows import Row
from paretune.analysis.table.selection import View
from paretune.spec import METRICS

_IN_DOUBT = (0.025, 0.975)


@dataclass(frozen=True)
class Choice:
    """Rows that meet every requirement, and what they are judged by."""

    view: View
    compared: ComparisonSet
    admissible: tuple[int, ...]
    """Places in the set."""
    objective: Mapping[str, float]
    limits: tuple[Limit, ...]
    costs: Sequence[str]
    """Those that may be compared between these rows."""
    known: Capabilities

    def candidates(self) -> list[Candidate]:
        """Return the admissible rows, the best by the objective first, equal ones by cost, then by name."""
        if not self.admissible:
            return []
        told = told_apart(self._p_values)
        found = places(self._draws, told)
        kept = {limit.metric: _kept(self.compared, limit) for limit in self.limits}
        return [self._candidate(number, found[number], float(told.least[number]), kept) for number in self.order]

    def no_claim(self, candidates: Sequence[Candidate]) -> str:
        """Return the points of the protocol that keep every difference from being a claim; empty where one is."""
        if any(one.worse_than and not one.no_claim_because for one in candidates):
            return ""
        return obstacles(checklist(self.view, [self.compared.rows[place] for place in self.admissible], self.known))

    def _candidate(self, number: int, found: Place, in_set: float, kept: Mapping[str, FloatArray]) -> Candidate:
        place = self.admissible[number]
        row = self.compared.rows[place]
        estimate = None if math.isnan(self.compared.draws.means[place]) else row_estimate(self.compared, place)
        better = self._better(number)
        rival = None if better is None else self._row(better)
        return Candidate(
            name=self.view.name_of(row),
            value=self._sign * float(self._draws.means[number]),
            quality=estimate.mean if estimate else None,
            interval=estimate.interval if estimate else None,
            metrics=row.metrics,
            standard_errors=row.standard_errors,
            trains=row.records[0].trial.method.trains,
            probability_best=found.p_best,
            confidence_set_p_value=in_set,
            worse_than=None if rival is None else self.view.name_of(rival),
            no_claim_because="" if rival is None else obstacles(checklist(self.view, [rival, row], self.known)),
            limit_probabilities={
                metric: float(shares[place])
                for metric, shares in kept.items()
                if _IN_DOUBT[0] < shares[place] < _IN_DOUBT[1]
            },
        )

    def not_shown_above(self, candidate: Candidate) -> tuple[str, ...]:
        """Return the rows that train nothing and are not significantly worse than a candidate by the main metric."""
        place = self.compared.rows.index(self.view.find(candidate.name))
        means, adjusted = self.compared.draws.means, self.compared.adjusted
        names = (
            self.view.name_of(row)
            for other, row in enumerate(self.compared.rows)
            if other != place and not row.trains and math.isfinite(means[place] + means[other])
            if adjusted.at(place, other) >= SIGNIFICANCE
        )
        return tuple(sorted(names))

    @cached_property
    def _draws(self) -> Draws:
        return objective_draws(self.compared, self.objective, self.admissible)

    @cached_property
    def _p_values(self) -> FloatArray:
        """The adjusted p-values of the admissible rows: the comparison set's where the main metric is the objective.

        What `compare` says of two methods, a recommendation among fewer methods must not contradict.
        """
        if list(self.objective) == [self.compared.quality]:
            return self.compared.adjusted.among(self.admissible)
        return pairwise_p_values(self._draws)

    @property
    def _sign(self) -> float:
        return self.compared.table[next(iter(self.objective))].sign if len(self.objective) == 1 else 1.0

    @cached_property
    def order(self) -> list[int]:
        """Numbers of the admissible rows, the best first; of two that are equally good, the one that needs less."""

        def key(number: int) -> tuple[float | str, ...]:
            row = self._row(number)
            costs = (-METRICS[cost].sign * row.metrics.get(cost, math.inf) for cost in self.costs)
            return -float(self._draws.means[number]), *costs, self.view.name_of(row)

        return sorted(range(len(self.admissible)), key=key)

    def _row(self, number: int) -> Row:
        return self.compared.rows[self.admissible[number]]

    @cached_property
    def _by_the_protocol(self) -> list[bool]:
        """Whether each row by itself meets every point: what does not is in no claim."""
        return [
            not obstacles(checklist(self.view, [self._row(one)], self.known)) for one in range(len(self.admissible))
        ]

    def _better(self, number: int) -> int | None:
        """Return which row is significantly better: one of which that can be claimed where there is any.

        Of several, the best as measured or else the one with the least p-value.
        """
        rivals = [one for one in self.order if self._p_values[one, number] < SIGNIFICANCE]
        rivals.sort(key=lambda one: (one != self.order[0], float(self._p_values[one, number])))
        return next((one for one in rivals if self._can_be_claimed(one, number)), next(iter(rivals), None))

    def _can_be_claimed(self, one: int, other: int) -> bool:
        alone = self._by_the_protocol[one] and self._by_the_protocol[other]
        return alone and not obstacles(checklist(self.view, [self._row(one), self._row(other)], self.known))


def _kept(compared: ComparisonSet, limit: Limit) -> FloatArray:
    """Return in which share of the draws each row keeps a limit, float64 of shape (rows,)."""
    drawn = compared.metric_draws(limit.metric)
    shares: FloatArray = (drawn <= limit.value if limit.bound == "at most" else drawn >= limit.value).mean(axis=0)
    return shares
