"""How long trials take, learnt phase by phase from those that have ended."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from statistics import fmean
from types import MappingProxyType
from typing import NamedTuple

from paretune.execute.stages import Stages
from paretune.models.devices import visible_devices
from paretune.spec import Phase, Record, Trial
from paretune.store.training_states import TrainingStates


class Span(NamedTuple):
    """An estimate of a time."""

    seconds: float
    whole: bool
    """False where some part has never been seen, so that it will take longer."""

    def __add__(self, other: object) -> "Span":
        if not isinstance(other, Span):
            return NotImplemented
        return Span(self.seconds + other.seconds, self.whole and other.whole)


class _Seen(NamedTuple):
    label: str
    alone: bool
    seconds: float


def phases_of(trial: Trial) -> frozenset[Phase]:
    """Return the phases that a trial goes through."""
    trains, answers = trial.method.trains, "answers" in trial.measures
    wanted = {
        Phase.LOAD: True,
        Phase.PREPARE: trains,
        Phase.MEASURE: "memory" in trial.measures,
        Phase.TRAIN: trains,
        Phase.VALIDATE: trains,
        Phase.SAVE: trains and answers,
        Phase.RELOAD: answers,
        Phase.TEST: answers,
        Phase.RETAIN: "forgetting" in trial.measures,  # general skills among it
    }
    return frozenset(phase for phase, is_wanted in wanted.items() if is_wanted)


class AtOnce(NamedTuple):
    """How many trials run at the same time."""

    jobs: int = 1
    alone: int = 1
    """Of those whose clock is a result: each has an accelerator or a machine of its own."""
    is_known: bool = True
    """False for a cluster that was not reached: it may have room for more at once, or for fewer."""


class Durations:
    """Seconds of each phase, from finished trials: of the same method if one has ended, otherwise of all.

    Training counts by the example, so that a shorter recipe for tuning still tells about the final trials. What a
    process needs to start is known only of trials that this process has seen.
    """

    def __init__(self, records: Iterable[Record] = ()) -> None:
        self._seen: dict[Phase, list[_Seen]] = {}
        self._glimpses: dict[Phase, float] = {}
        self._starts: list[float] = []
        for record in records:
            self.learn(record)

    def learn(self, record: Record, whole_seconds: float | None = None) -> None:
        """Take in a finished trial, with the time from its start to its end where that is known."""
        if record.outcome.kind != "ok":
            return
        alone = record.provenance is None or record.provenance.concurrent_workers == 1
        alone = alone and not record.packed_with
        for reading in record.phases:
            if reading.phase not in phases_of(record.trial):  # a tuning trial saves where it stopped, no checkpoint
                continue
            units = _units(record.trial, reading.phase)
            if reading.phase is Phase.TRAIN:
                units -= record.resumed_at * record.trial.recipe.examples_per_step
            if units == 0:  # an earlier trial had run all its steps
                continue
            per_unit = reading.seconds / units
            self._seen.setdefault(reading.phase, []).append(_Seen(record.trial.method.label, alone, per_unit))
        if whole_seconds is not None:
            self._starts.append(max(0.0, whole_seconds - sum(reading.seconds for reading in record.phases)))

    def glimpse(self, trial: Trial, phase: Phase, seconds: float, share: float) -> None:
        """Take in a phase that goes on: what `seconds` for `share` of it promise, until a trial has ended it."""
        self._glimpses[phase] = seconds / share / _units(trial, phase)

    def of(self, trial: Trial, *, alone: bool, num_ready: int = 0) -> Span:
        """Return how long a trial will take, alone on the machine or together with others.

        Of its steps `num_ready` have been run by another trial, which it goes on from.
        """
        total = Span(fmean(self._starts) if self._starts else 0.0, whole=True)
        for phase in phases_of(trial):
            if phase is Phase.VALIDATE and num_ready == trial.recipe.trained_steps:
                continue  # that trial has read the loss as well
            seen = _nearest(self._seen.get(phase, []), trial.method.label, alone)
            per_unit = self._glimpses.get(phase) if seen is None else seen
            units = _units(trial, phase)
            if phase is Phase.TRAIN:
                units -= num_ready * trial.recipe.examples_per_step
            total += Span((per_unit or 0.0) * units, per_unit is not None or units == 0)
        return total

    def of_all(
        self, trials: Sequence[Trial], jobs: int, *, alone: bool, num_ready: Mapping[str, int] = MappingProxyType({})
    ) -> Span:  # fmt: skip
        """Return how long trials will take with so many at once, each alone on its accelerator or with others."""
        spans = [self.of(trial, alone=alone, num_ready=num_ready.get(trial.id, 0)) for trial in trials]
        total = sum(spans, Span(0.0, whole=True))
        return total._replace(seconds=total.seconds / max(1, min(jobs, len(trials))))


def steps_ready(stages: Stages, results: Mapping[str, Record], folder: Path) -> dict[str, int]:
    """Return of which trials to come some steps have been run, and how many, by trial id.

    On an accelerator final trials train themselves.
    """
    states = TrainingStates(folder)
    if not states.folder.is_dir():
        return {}
    tuning_only = bool(visible_devices())
    waiting = [trial for trial in stages.trials if trial.id not in results and (trial.tunes or not tuning_only)]
    found = {trial.id: states.num_steps(trial) for trial in waiting}
    return {trial_id: number for trial_id, number in found.items() if number}


def time_left(
    stages: Stages,
    results: Mapping[str, Record],
    durations: Durations,
    at_once: AtOnce,
    num_ready: Mapping[str, int] = MappingProxyType({}),
) -> list[Span]:
    """Return how long what is left of each stage will take. `num_ready` is what `steps_ready` returns."""
    spans = []
    for stage in stages.stages:
        waiting = [trial for trial in stage.trials if trial.id not in results]
        jobs = at_once.alone if stage.alone or not at_once.is_known else at_once.jobs
        spans.append(durations.of_all(waiting, jobs, alone=stage.alone or jobs == 1, num_ready=num_ready))
    return spans


def _nearest(seen: Sequence[_Seen], label: str, alone: bool) -> float | None:
    """Return the mean over the most similar trials: same method, then as many parallel trials, then any."""
    for alike in (
        [one for one in seen if one.label == label and one.alone == alone],
        [one for one in seen if one.label == label],
        [one for one in seen if one.alone == alone],
        seen,
    ):
        if alike:
            return fmean(one.seconds for one in alike)
    return None


def _units(trial: Trial, phase: Phase) -> int:
    """Return by what a phase's time is divided before it is carried over to another trial."""
    recipe = trial.recipe
    return recipe.num_examples_seen if phase is Phase.TRAIN else 1
