"""A stand-in for the executor: trials in this process, or results made up, for tests of what runs when."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from paretune.execute.events import Watcher
from paretune.execute.executor import DiskFull, bare_record, disk_full
from paretune.execute.trial import run_trial
from paretune.spec import Cancelled, Failed, Outcome, Phase, Record, TimedOut, Trial
from paretune.store import Store
from paretune.testing import End
from tests.records import PROVENANCE
from tests.tune.landscapes import Landscape, make_result


class Deaf:
    """A listener that hears nothing."""

    def phase(self, phase: Phase) -> None:
        pass

    def progress(self, done: int, total: int, loss: float | None = None) -> None:
        pass


def downhill(trial: Trial) -> float:
    """Return a validation loss that falls with the rate, on made-up ground."""
    return 1 / (1 + (trial.learning_rate or 0.0))


class StandIn:
    """Takes the place of the class `LocalExecutor` and keeps what ran, in order, with how many jobs.

    Trials for which `real` holds are trained in this process; the others get a result of the landscape. The run is
    stopped after so many trials if told to.
    """

    def __init__(
        self,
        landscape: Landscape = downhill,
        real: Callable[[Trial], bool] = lambda trial: False,
        stop_after: int | None = None,
        ends: Mapping[str, End] | None = None,
    ) -> None:
        self.trials: list[Trial] = []
        self.jobs: list[int] = []
        self._landscape = landscape
        self._real = real
        self._stop_after = stop_after
        self._ends = ends or {}

    def __call__(self, store: Store, *, jobs: int = 1, time_limit_seconds: float, **_: Any) -> "_Executor":
        return _Executor(self, store, jobs, time_limit_seconds)

    def run(self, trial: Trial, store: Store, jobs: int, time_limit_seconds: float = 60) -> Record:
        """Run a trial, or make its result up, and store its record."""
        if len(self.trials) == self._stop_after:
            raise KeyboardInterrupt
        self.trials.append(trial)
        self.jobs.append(jobs)
        attempt = store.next_attempt(trial.id)
        made_up = {"attempt": attempt, "provenance": PROVENANCE}
        record, items = make_result(trial, self._landscape(trial)).model_copy(update=made_up), None
        outcomes: dict[End, Outcome] = {
            "crash": Failed(error_type="WorkerCrashed", message="exit code 1"),
            "kill": Cancelled(),
            "hang": TimedOut(limit_seconds=time_limit_seconds),
            "disk full": disk_full(None, store.folder),
        }
        if trial.id in self._ends:
            record = bare_record(trial, attempt, outcomes[self._ends[trial.id]])
        if self._real(trial):
            checkpoint = store.adapter_folder(trial.id, attempt)
            record, items, _ = run_trial(trial, checkpoint, attempt=attempt, concurrent_workers=jobs, listener=Deaf())
        store.append(record, items)
        return record


class _Executor:
    def __init__(self, stand_in: StandIn, store: Store, jobs: int, time_limit_seconds: float) -> None:
        self._stand_in, self._store, self._jobs = stand_in, store, jobs
        self._time_limit_seconds = time_limit_seconds

    def run(self, trials: Sequence[Trial], watcher: Watcher, *, alone: bool = False) -> None:
        jobs = 1 if alone else self._jobs
        for trial in trials:
            watcher.started(trial)
            record = self._stand_in.run(trial, self._store, jobs, self._time_limit_seconds)
            watcher.finished(trial, record, 1.0)
            if isinstance(record.outcome, Cancelled) and record.outcome.disk_full:
                raise DiskFull(record.outcome.reason)

    def close(self) -> None:
        """Nothing is kept from one call to the next."""
