"""How large a study may be to end within a time: learning rates, seeds and test items, from measured seconds."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from paretune.spec import Phase, Record, Tuning

MAX_WIDENINGS = 1
"""How often a study that was chosen for a time may widen its learning rates."""
_WIDENED = 2 * MAX_WIDENINGS
"""Learning rates that it may add to each method: one on either side."""
_LADDER = ((7, 5), (5, 5), (5, 3), (3, 3), (0, 3), (0, 2), (0, 1))
"""Learning rates in tuning (0: each method's default, not tuned) and final seeds, the most telling first."""
_ENOUGH_ITEMS, _FEWEST_ITEMS = 200, 50
"""Test items that a study should have, and that the smallest one must have, where there are so many."""
_ROUND_ITEMS = 10
_TUNING_PHASES = frozenset({Phase.LOAD, Phase.PREPARE, Phase.TRAIN, Phase.VALIDATE})


class Size(NamedTuple):
    """How much of a study is run."""

    rates: int
    """Learning rates of each method in the first round of tuning; 0 where nothing is tuned."""
    seeds: int
    items: int
    """Test items."""

    @property
    def tuning(self) -> Tuning | None:
        """How a study of this size tunes."""
        return Tuning(rates=self.rates, max_widenings=MAX_WIDENINGS) if self.rates else None


class MethodSeconds(NamedTuple):
    """What trials of one method take, alone on the machine, from the start of the process to its end."""

    label: str
    trains: bool
    tuning: float
    """A tuning trial."""
    final: float
    """A final trial, apart from answering the test items."""
    per_item: float
    """Answering one test item."""


class TimedRecord(NamedTuple):
    """What a trial left, and what it took from the start of its process to its end."""

    record: Record
    whole_seconds: float


class Amounts(NamedTuple):
    """How much a trial trains on, validates on and answers."""

    steps: int
    num_validation: int
    num_test: int


def seconds_of(methods: Sequence[MethodSeconds], size: Size) -> float:
    """Return how long a study of that size takes, one trial after another, at most: with all rates that it may add."""
    total = 0.0
    for method in methods:
        num_tuning = size.rates + _WIDENED if size.rates and method.trains else 0
        num_final = size.seeds if method.trains else 1
        total += num_tuning * method.tuning + num_final * (method.final + size.items * method.per_item)
    return total


def largest_size(methods: Sequence[MethodSeconds], seconds: float, most_items: int, fewest: int = 0) -> Size | None:
    """Return the most telling size that fits into a time, with as many test items as fit; None where none does.

    `most_items` are there, and `fewest` must be answered: as many as there are where they cannot be limited.
    Learning rates and seeds come first, as a claim needs them, then items from 200 on; the smallest study, one seed at
    default learning rates, may have as few as 50.
    """
    for rates, seeds in _LADDER:
        least = min(most_items, max(fewest, _ENOUGH_ITEMS if (rates, seeds) != _LADDER[-1] else _FEWEST_ITEMS))
        size = Size(rates, seeds, least)
        left = seconds - seconds_of(methods, size)
        if left >= 0:
            per_item = seconds_of(methods, size._replace(items=least + 1)) - seconds_of(methods, size)
            more = most_items - least if per_item * (most_items - least) <= left else int(left / per_item)
            items = least + more
            return size._replace(items=items if items == most_items else max(least, items - items % _ROUND_ITEMS))
    return None


def smallest_size(most_items: int, fewest: int = 0) -> Size:
    """Return the size below which a study is not run."""
    rates, seeds = _LADDER[-1]
    return Size(rates, seeds, min(most_items, max(fewest, _FEWEST_ITEMS)))


def start_seconds(timed: Iterable[TimedRecord]) -> float:
    """Return what a trial takes outside its phases: the least of all trials, 0 for none.

    The first trial also waits until the libraries are imported, which happens once in a run.
    """
    rest = (one.whole_seconds - sum(reading.seconds for reading in one.record.phases) for one in timed)
    return max(0.0, min(rest, default=0.0))


def seconds_from(record: Record, start: float, measured: Amounts, wanted: Amounts) -> MethodSeconds:
    """Return what trials of a method take, from a short one with the `measured` amounts and `start_seconds`.

    Training counts by the step, at the median of its steps; validation and answers by the item; the rest is as it was.
    """
    phases = {reading.phase: reading.seconds for reading in record.phases}
    if Phase.TRAIN in phases:
        phases[Phase.TRAIN] = record.metrics["step_seconds"] * wanted.steps
    if Phase.VALIDATE in phases:
        phases[Phase.VALIDATE] *= wanted.num_validation / measured.num_validation
    answering = phases.pop(Phase.TEST, 0.0)
    return MethodSeconds(
        record.trial.method.label,
        record.trial.method.trains,
        tuning=start + sum(seconds for phase, seconds in phases.items() if phase in _TUNING_PHASES),
        final=start + sum(phases.values()),
        per_item=answering / measured.num_test,
    )


def like_the_slowest(label: str, trains: bool, known: Sequence[MethodSeconds]) -> MethodSeconds:
    """Return what a method that was not measured is taken to need: as much as the slowest of the others."""
    alike = [method for method in known if method.trains == trains] or known
    return MethodSeconds(
        label,
        trains,
        max(method.tuning for method in alike),
        max(method.final for method in alike),
        max(method.per_item for method in alike),
    )
