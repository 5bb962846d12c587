"""Which setting of a method goes into the final trials, from its records on validation data."""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from statistics import fmean
from typing import NamedTuple

from paretune.spec import Candidate, Metric, Outcome, Record, Search, Tuning
from paretune.spec.tuning import VALIDATION_LOSS
from paretune.tune.grid import Bounds, Edge, step_of


class Point(NamedTuple):
    """One setting of a method, and how it did."""

    candidate: Candidate
    figure: float | None
    """Mean of the selection metric over the tuning seeds; None unless every seed ended well with a finite one."""
    outcomes: tuple[Outcome, ...]
    """How its trials ended; empty while none has. With halving also those that end early."""
    early: float | None = None
    """With halving: its validation loss at the last point that it reached, where it is not trained to the end."""

    @property
    def diverged(self) -> bool:
        """Whether the rate was too high for at least one seed."""
        return any(outcome.kind == "diverged" for outcome in self.outcomes)


class Chosen(NamedTuple):
    """The best setting of a method."""

    point: Point
    edge: Edge | None
    """The end of the grid at which it lies: a better one may lie beyond."""


class NothingChosen(NamedTuple):
    """No setting of a method ended well."""

    outcomes: dict[str, int]
    """How many of its trials ended how, by the kind of the outcome."""
    edge: Edge | None
    """The lower end where every setting diverged: lower rates may not."""


Choice = Chosen | NothingChosen


def points_of(search: Search, choose_by: str, results: Mapping[str, Record]) -> list[Point]:
    """Return the response curve of a search: a point for each candidate, by rate. `results` are by trial id."""
    points = [point_of(candidate, choose_by, results) for candidate in search.candidates]
    return sorted(points, key=lambda point: point.candidate.learning_rate)


def point_of(candidate: Candidate, choose_by: str, results: Mapping[str, Record]) -> Point:
    """Return a candidate with what its records, by trial id, say. `choose_by` names the selection metric."""
    outcomes = tuple(results[one].outcome for one in candidate.all_trial_ids if one in results)
    reached = candidate.early_trial_ids[-1] if candidate.early_trial_ids and not candidate.trial_ids else ()
    return Point(
        candidate,
        mean_over_seeds(candidate.trial_ids, choose_by, results),
        outcomes,
        mean_over_seeds(reached, VALIDATION_LOSS, results),
    )


def mean_over_seeds(trial_ids: Sequence[str], metric: str, results: Mapping[str, Record]) -> float | None:
    """Return the mean of a metric over trials; None unless every one of them ended well with a finite value."""
    records = [results[trial_id] for trial_id in trial_ids if trial_id in results]
    found = [record.metric(metric) for record in records if record.outcome.kind == "ok"]
    finite = [value for value in found if value is not None and math.isfinite(value)]
    return fmean(finite) if finite and len(finite) == len(trial_ids) else None


def choose(search: Search, points: Sequence[Point], tuning: Tuning, metric: Metric) -> Choice:
    """Return the best point of a response curve by a metric. Equal values: the smaller rate, then the earlier proposal.

    The best counts as lying at an edge of the grid only where no point inside does as well: a plateau that reaches into
    the grid says nothing about what lies beyond it.
    """
    known = [point for point in points if point.figure is not None]
    if not known:
        everywhere = bool(points) and all(point.diverged for point in points)
        counts = Counter[str](outcome.kind for point in points for outcome in point.outcomes)
        return NothingChosen({**counts}, Edge.LOWER if everywhere else None)
    place = {candidate.all_trial_ids: number for number, candidate in enumerate(search.candidates)}
    known.sort(
        key=lambda point: (
            -metric.sign * _figure(point),
            point.candidate.learning_rate,
            place[point.candidate.all_trial_ids],
        )
    )
    best = known[0]
    edges = [_edge(point, search, tuning) for point in known if point.figure == best.figure]
    return Chosen(best, None if None in edges else edges[0])


def _figure(point: Point) -> float:
    assert point.figure is not None
    return point.figure


def _edge(point: Point, search: Search, tuning: Tuning) -> Edge | None:
    step = step_of(point.candidate.learning_rate, search.prior, tuning.per_decade)
    return Bounds(search.low, search.high).edge_at(step)
