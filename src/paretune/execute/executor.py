"""What runs the trials of a study, on this machine or elsewhere: the promise that every executor keeps."""

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple, Protocol

from paretune.execute.events import Watcher
from paretune.spec import Cancelled, InputError, Outcome, Phase, Record, Trial
from paretune.store import Item, KeptPicture, Store


class DiskFull(InputError):
    """The disk is full: no further trial was started. What had finished is kept, and the same call goes on with it."""


class Executor(Protocol):
    """Runs trials and leaves their records in a store. `paretune.testing.ExecutorContract` tests what it promises.

    Guarantees: every trial leaves exactly one record more than it had, with any outcome. One whose process dies
    is recorded as failed, or as cancelled where it was stopped from outside; one that takes longer than the time limit
    as timed out. How a trial ends changes nothing for those that run at the same time. Records say how many trials ran
    at once on the same accelerator, or on the same processor where there is none. When `run` returns or raises, nothing
    of it runs any more.

    The watcher is called from the thread that called `run`: for each trial `started`, any number of times `heard`, and
    `finished` once its record is in the store.

    An executor that keeps something from one call to the next has a method `close`, which a run calls in the end.
    """

    def run(self, trials: Sequence[Trial], watcher: Watcher, *, alone: bool = False) -> None:
        """Run trials, started in their order. With `alone` the clock of each is a result.

        Each of those has its machine to itself, or an accelerator of it and its share of the cores.

        What ends the call early, such as Ctrl-C or an error of the watcher, stops what runs and is raised: trials
        that had not ended leave a record that says cancelled, or none. Where the disk is full no further trial starts,
        those that run come to their end, and `DiskFull` is raised, at once where not even a record can be written.
        """


class ExecutorFactory(Protocol):
    """Makes the executor of a run. What it needs to know of machines and queues, it knows already."""

    def __call__(self, store: Store, *, time_limit_seconds: float) -> Executor:
        """Return an executor that leaves records in this store and stops trials that take longer."""


class Finished(NamedTuple):
    """What a trial leaves: its record and, where questions were answered, every answer."""

    record: Record
    items: Sequence[Item] | None
    pictures: Sequence[KeptPicture] = ()
    """What an image model drew, and what it learnt from."""


class Attempt(NamedTuple):
    """What a worker is to run."""

    trial: Trial
    checkpoint: Path
    """Where what was trained is saved."""
    attempt: int
    """Which attempt at the trial this is, from 1."""


def bare_record(trial: Trial, attempt: int, outcome: Outcome, started_at: datetime | None = None) -> Record:
    """Return the record of a trial that left none itself. It started at the given time in UTC, or would have now."""
    began = started_at or datetime.now(UTC)
    return Record(
        trial_id=trial.id, attempt=attempt, trial=trial, outcome=outcome, started_at=began.isoformat(timespec="seconds")
    )


def disk_full(phase: Phase | None, folder: Path) -> Cancelled:
    """Return the outcome of a trial that found no room for what it writes into a folder."""
    return Cancelled(phase=phase, reason=f"{folder}: the disk is full; free space, then run again", disk_full=True)
