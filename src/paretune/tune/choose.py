"""Which setting of a method goes into the final trials, from its records on validation data."""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from statistics import fmean
from typing import NamedTuple

from paretune.spec import Candidate, Metric, Outcome, Record, Search, Tuning
from paretune.tune.grid import Bounds, Edge, step_of


class Point(NamedTuple):
    """One setting of a method, and how it did."""

    candidate: Candidate
    figure: float | None
    """Mean of the selection metric over the tuning seeds; None unless every seed ended well with a finite one."""
    outcomes: tuple[Outcome, ...]
    """How its trials ended; empty while none has."""

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
    records = [results[trial_id] for trial_id in candidate.trial_ids if trial_id in results]
    figures = [record.metric(choose_by) for record in records if record.outcome.kind == "ok"]
    finite = [figure for figure in figures if figure is not None and math.isfinite(figure)]
    whole = bool(finite) and len(finite) == len(candidate.trial_ids)
    return Point(candidate, fmean(finite) if whole else None, tuple(record.outcome for record in records))


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
    place = {candidate.trial_ids: number for number, candidate in enumerate(search.candidates)}
    known.sort(
        key=lambda point: (
            -metric.sign * _figure(point),
            point.candidate.learning_rate,
            place[point.candidate.trial_ids],
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
