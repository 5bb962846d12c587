"""Runs a study from whatever point it has reached."""

from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path

from paretune.execute.events import Watcher
from paretune.execute.local import LocalExecutor
from paretune.execute.plan import check_trials
from paretune.execute.stages import Blueprint, Stage, Stages
from paretune.models import pinned, prefetch
from paretune.spec import Phase, Reading, Record, Study, Trial, relabelled
from paretune.store import Store, keep_plan

OnPlan = Callable[[Stages, Mapping[str, Record]], None]
"""Hears the stages each time they are planned anew, with the results so far by trial id."""


class Silent:
    """A watcher that says nothing."""

    def started(self, trial: Trial) -> None:
        """Ignore it."""

    def heard(self, trial: Trial, phase: Phase, done: int, total: int) -> None:
        """Ignore it."""

    def finished(self, trial: Trial, record: Record, seconds: float) -> None:
        """Ignore it."""


def results_in(store: Store, reading: Reading | None = None) -> dict[str, Record]:
    """Return the latest record of every trial that has a result, by trial id. `reading` is by default as it is kept."""
    return {record.trial.id: record for record in store.records(reading) if record.finished}


def pending_trials(trials: Sequence[Trial], results: Mapping[str, Record], *, retry: bool = False) -> list[Trial]:
    """Return the trials that have no result yet, each once; with `retry` also those whose result is not ok."""
    different = {trial.id: trial for trial in trials}
    return [
        trial
        for trial in different.values()
        if trial.id not in results or (retry and results[trial.id].outcome.kind != "ok")
    ]


def run(
    study: Study,
    folder: str | Path,
    *,
    jobs: int = 1,
    threads: int | None = None,
    retry: bool = False,
    watcher: Watcher | None = None,
    on_plan: OnPlan | None = None,
) -> list[Record]:
    """Run what is missing of a study and return the records of all its trials, in the plan's order.

    Finished trials are never run again, so the same call goes on after any interruption. A study that tunes is planned
    stage by stage, each from the records of those before; its final trials run one at a time, whatever `jobs` says.
    Raises `InputError` before the first trial starts when something in the study, the folder or the base model cannot
    be used, and `DiskFull` when the disk is full: no further trial starts then.
    """
    blueprint = Blueprint(study)
    store = Store(Path(folder))
    attempted: set[str] = set()
    with store.held():
        store.check(study)
        reading = blueprint.reading(store)
        store.keep_study(study)
        while True:
            results = results_in(store, reading)
            stages = blueprint.stages(results)
            reading = reading.with_labels(stages.trials, results)
            store.keep_reading(reading)
            if stages.kept is not None:
                keep_plan(store.folder, stages.kept)
            stage, pending = _next(stages, results, retry, attempted)
            if on_plan is not None:
                on_plan(stages, results)
            if stage is None:
                break
            prefetch(pinned(study.base_model, pending[0].base_content))
            check_trials(pending)
            attempted |= {trial.id for trial in pending}
            together = 1 if stage.alone else jobs
            executor = LocalExecutor(store, jobs=together, threads=threads, time_limit_seconds=study.time_limit_seconds)
            executor.run(pending, watcher or Silent())
        latest = {record.trial.id: record for record in store.records()}
    found = [(trial, latest[trial.id]) for trial in stages.trials if trial.id in latest]
    return [relabelled(record, trial.method.label) for trial, record in found]


def _next(
    stages: Stages, results: Mapping[str, Record], retry: bool, attempted: Collection[str]
) -> tuple[Stage | None, list[Trial]]:
    """Return the first stage with trials to run, and those. What was cancelled waits for the next call."""
    for stage in stages.stages:
        pending = pending_trials(stage.trials, results, retry=retry) if stage.decided else []
        fresh = [trial for trial in pending if trial.id not in attempted]
        if fresh:
            return stage, fresh
    return None, []
