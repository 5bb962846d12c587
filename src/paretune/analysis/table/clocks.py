"""What changes when training time means the steps alone, for imported results whose own clock ran on."""

from collections.abc import Sequence
from typing import NamedTuple

from paretune.analysis.statistics.pareto import pareto_front
from paretune.analysis.table.rows import Row
from paretune.spec import Direction

_PUBLISHED, _STEPS = "reported_train_seconds", "train_seconds"
FAR = 5
"""Places in the order by time from which on a row has moved far."""


class ClockChange(NamedTuple):
    """One row by two clocks."""

    method: str
    published_seconds: float
    steps_seconds: float
    published_place: int
    """From 1, the quickest, among the rows of its task that both clocks timed."""
    steps_place: int
    published_front: bool
    """Whether it lies on the Pareto front of the main metric and this clock."""
    steps_front: bool

    @property
    def ratio(self) -> float:
        """How many times longer the published clock ran."""
        return self.published_seconds / self.steps_seconds

    @property
    def moved(self) -> bool:
        """Whether the row moved far, or onto the front or off it."""
        far = abs(self.published_place - self.steps_place) >= FAR
        return far or self.published_front != self.steps_front


def clock_changes(rows: Sequence[Row]) -> list[ClockChange]:
    """Return both clocks of each row of one task and split that has them, quickest by steps first."""
    timed = [
        row for row in rows if row.outcome.kind == "ok" and _PUBLISHED in row.metrics and _STEPS in row.metrics
    ]  # fmt: skip
    places = {clock: _places([row.metrics[clock] for row in timed]) for clock in (_PUBLISHED, _STEPS)}
    fronts = {clock: _front(timed, clock) for clock in (_PUBLISHED, _STEPS)}
    changes = [
        ClockChange(
            method=row.method,
            published_seconds=row.metrics[_PUBLISHED],
            steps_seconds=row.metrics[_STEPS],
            published_place=places[_PUBLISHED][index],
            steps_place=places[_STEPS][index],
            published_front=index in fronts[_PUBLISHED],
            steps_front=index in fronts[_STEPS],
        )
        for index, row in enumerate(timed)
    ]
    return sorted(changes, key=lambda change: change.steps_place)


def _places(seconds: Sequence[float]) -> list[int]:
    order = sorted(range(len(seconds)), key=lambda index: seconds[index])
    places = [0] * len(seconds)
    for place, index in enumerate(order, start=1):
        places[index] = place
    return places


def _front(rows: Sequence[Row], clock: str) -> set[int]:
    points = [(row.merit, row.metrics[clock]) for row in rows]
    return set(pareto_front(points, (Direction.HIGHER, Direction.LOWER)))
