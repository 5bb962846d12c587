"""Runs a study from whatever point it has reached."""

from pathlib import Path

from paretune.execute.events import Watcher
from paretune.execute.local import LocalExecutor
from paretune.execute.plan import check_trials, plan
from paretune.models import prefetch
from paretune.spec import Phase, Record, Study, Trial
from paretune.store import Store


class Silent:
    """A watcher that says nothing."""

    def started(self, trial: Trial) -> None:
        """Ignore it."""

    def heard(self, trial: Trial, phase: Phase, done: int, total: int) -> None:
        """Ignore it."""

    def finished(self, trial: Trial, record: Record, seconds: float) -> None:
        """Ignore it."""


def pending_trials(study: Study, store: Store, *, retry: bool = False) -> list[Trial]:
    """Return the trials of a study that have no result yet; with `retry` also those whose result is not ok."""
    pending = []
    for trial in plan(study):
        latest = store.latest(trial.id)
        if latest is None or not latest.finished or (retry and latest.outcome.kind != "ok"):
            pending.append(trial)
    return pending


def run(
    study: Study,
    folder: str | Path,
    *,
    jobs: int = 1,
    threads: int | None = None,
    retry: bool = False,
    watcher: Watcher | None = None,
) -> list[Record]:
    """Run what is missing of a study and return the records of all its trials, in the plan's order.

    Finished trials are never run again, so the same call goes on after any interruption. Raises `InputError` before the
    first trial starts when something in the study, the folder or the base model cannot be used.
    """
    trials = plan(study)
    store = Store(Path(folder))
    with store.open_for_study(study):
        pending = pending_trials(study, store, retry=retry)
        if pending:
            prefetch(study.base_model)
            check_trials(pending)
            executor = LocalExecutor(store, jobs=jobs, threads=threads, time_limit_seconds=study.time_limit_seconds)
            executor.run(pending, watcher or Silent())
        latest = [store.latest(trial.id) for trial in trials]
    return [record for record in latest if record is not None]
