"""Runs trials on a cluster that schedules them itself: what executors for Ray and for Slurm have in common.

Nodes need no disk in common with this process: all that a trial leaves comes back to it, and it alone writes into the
store.
"""

import itertools
import shutil
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from typing import NamedTuple, Protocol

from paretune.execute.cluster_versions import check_record
from paretune.execute.events import Watcher
from paretune.execute.executor import DiskFull, bare_record, disk_full
from paretune.execute.launch import FREE_SPACE, Launching
from paretune.execute.on_node import Assignment, Left, Progress, shared_files
from paretune.execute.sharded import check_remote
from paretune.spec import Cancelled, InputError, Outcome, Phase, Provenance, Record, Trial
from paretune.store import Store
from paretune.store.atomic import is_disk_full, refusing, write_whole
from paretune.store.kept_estimates import read_estimates

POLL_SECONDS = 0.2
_LIBRARIES_BYTES = 1_000_000_000
"""Main memory that a trial's process takes before it holds a model."""
MOST_LOSSES = 3
"""A trial whose node is lost more often than this is left for the next run."""
_NUMBERS = itertools.count(1)


class Began(NamedTuple):
    """A trial's process is about to start."""

    node: str


class Lost(NamedTuple):
    """A trial that will leave nothing."""

    outcome: Outcome
    """What is recorded of it, where it is not run again."""
    again: bool
    """Whether its node was lost, which says nothing about the trial."""


class Task(NamedTuple):
    """What a cluster is given to run."""

    number: int
    """Names it among the tasks of this process."""
    assignment: Assignment
    memory_bytes: int | None
    """Main memory that the trial is predicted to take; None where that is not known."""


class Cluster(Protocol):
    """A cluster while it is used. When its context ends, nothing of what it was given runs any more."""

    def room(self, *, alone: bool) -> int:
        """Return how many trials it has room for when it is empty, at least 1. With `alone`, each has its node."""

    def threads(self, *, alone: bool) -> int:
        """Return how many threads a trial gets."""

    def submit(self, tasks: Sequence[Task], *, alone: bool) -> None:
        """Start tasks, in their order, as soon as there is room."""

    def news(self, wait_seconds: float) -> Iterable[tuple[int, Began | Progress]]:
        """Wait so long unless a task ends, and return what tasks told since, by their numbers, in order."""

    def ended(self, number: int) -> Left | Lost | None:
        """Return what became of a task, None while it runs or waits. Asked once more after that, it may not know."""


class _Running:
    """A trial that the cluster has, and what is known of it."""

    def __init__(self, trial: Trial, attempt: int) -> None:
        self.trial = trial
        self.attempt = attempt
        self.began = time.monotonic()
        self.started_at = datetime.now(UTC)
        self.node: str | None = None
        self.most_at_once = 1

    @property
    def seconds(self) -> float:
        return time.monotonic() - self.began


class RemoteExecutor:
    """An `Executor` that has a cluster run the trials. Each has a process of its own on its node."""

    def __init__(
        self,
        store: Store,
        connect: Callable[[], AbstractContextManager[Cluster]],
        *,
        jobs: int | None = None,
        time_limit_seconds: float,
        launching: Launching | None = None,
        check: Callable[[Provenance, str], None] = check_record,
    ) -> None:
        """Give the cluster at most `jobs` trials at once, by default as many as it has room for.

        `connect` makes the cluster for one call of `run`. `launching` says how the processes of trials come about on
        the nodes, by default as the cluster does it, and `check` refuses records of nodes with other versions.
        """
        self._store = store
        self._connect = connect
        self._jobs = jobs
        self._time_limit_seconds = time_limit_seconds
        self._launching = launching
        self.check = check

    def run(self, trials: Sequence[Trial], watcher: Watcher, *, alone: bool = False) -> None:
        """Run the trials as `Executor` promises. One whose node is lost is run again, which its record notes."""
        check_remote(trials)
        if not trials:
            return
        try:
            with self._connect() as cluster:
                full = _Run(self, cluster, watcher, alone=alone).whole(trials)
        except InputError as error:
            if is_disk_full(error):
                raise DiskFull(str(error)) from error
            raise
        if full is not None:
            raise DiskFull(full.reason)

    def most_at_once(self, cluster: Cluster, *, alone: bool) -> int:
        """Return how many trials the cluster may have at once."""
        room = cluster.room(alone=alone)
        return min(room, self._jobs or room) if alone else self._jobs or room

    def task(self, trial: Trial, threads: int) -> Task:
        """Return a task that runs a trial."""
        limit, launching = self._time_limit_seconds, self._launching
        assignment = Assignment(trial.canonical_json(), threads, limit, shared_files(self._store), launching)
        return Task(next(_NUMBERS), assignment, predicted_main_memory(trial, self._store))

    @property
    def store(self) -> Store:
        """Where records go."""
        return self._store


class _Run:
    """One call of `RemoteExecutor.run`."""

    def __init__(self, executor: RemoteExecutor, cluster: Cluster, watcher: Watcher, *, alone: bool) -> None:
        self._executor = executor
        self._store = executor.store
        self._cluster = cluster
        self._watcher = watcher
        self._alone = alone
        self._waiting: list[Trial] = []
        self._running: dict[int, _Running] = {}
        self._losses: dict[str, list[str]] = {}
        """Why nodes were lost, by the id of the trial that ran there."""
        self._announced: set[str] = set()

    def whole(self, trials: Sequence[Trial]) -> Cancelled | None:
        """Run the trials. Returns what says that a disk is full."""
        full: Cancelled | None = None
        self._waiting = list(trials)
        while self._waiting or self._running:
            self._submit()
            for number, news in self._cluster.news(POLL_SECONDS):
                self._hear(number, news)
            for number, running in list(self._running.items()):
                ended = self._cluster.ended(number)
                if ended is None:
                    continue
                del self._running[number]
                record = self._record(running, ended)
                if record is None:
                    if full is None:
                        self._waiting.insert(0, running.trial)
                    continue
                self._watcher.finished(running.trial, record, running.seconds)
                if isinstance(record.outcome, Cancelled) and record.outcome.disk_full:
                    full = record.outcome
                    self._waiting.clear()
        return full

    def _submit(self) -> None:
        """Give the cluster as many trials as it has room for."""
        room = self._executor.most_at_once(self._cluster, alone=self._alone) - len(self._running)
        trials, self._waiting = self._waiting[: max(0, room)], self._waiting[max(0, room) :]
        if not trials:
            return
        threads = self._cluster.threads(alone=self._alone)
        tasks = [self._executor.task(trial, threads) for trial in trials]
        for trial, task in zip(trials, tasks, strict=True):
            self._running[task.number] = _Running(trial, self._store.next_attempt(trial.id))
        self._cluster.submit(tasks, alone=self._alone)
        for trial in trials:
            if trial.id not in self._announced:
                self._announced.add(trial.id)
                self._watcher.started(trial)

    def _hear(self, number: int, news: Began | Progress) -> None:
        running = self._running.get(number)
        if running is None:
            return
        if isinstance(news, Progress):
            self._watcher.heard(running.trial, Phase(news.phase), news.done, news.total)
            return
        running.node = news.node
        neighbours = [one for one in self._running.values() if one.node == news.node]
        for one in neighbours:
            one.most_at_once = max(one.most_at_once, len(neighbours))

    def _record(self, running: _Running, ended: Left | Lost) -> Record | None:
        """Put what became of a trial into the store and return its record, None where it is run again."""
        losses = self._losses.get(running.trial.id, [])
        if isinstance(ended, Left):
            return self._keep(running, ended, losses)
        if ended.again and len(losses) < MOST_LOSSES:
            self._losses[running.trial.id] = [*losses, getattr(ended.outcome, "reason", "")]
            return None
        return self._append_bare(running, ended.outcome, losses)

    def _keep(self, running: _Running, left: Left, losses: Sequence[str]) -> Record:
        record = left.read()
        changes: dict[str, object] = {"attempt": running.attempt, "notes": (*record.notes, *_notes(losses))}
        if record.provenance is not None:
            self._executor.check(record.provenance, left.node)
            at_once = {"concurrent_workers": running.most_at_once}
            changes["provenance"] = record.provenance.model_copy(update=at_once)
        record = record.model_copy(update=changes)
        checkpoint = self._store.adapter_folder(record.trial_id, record.attempt)
        log = self._store.log_file(record.trial_id, record.attempt)
        try:
            with refusing(self._store.folder, FREE_SPACE):
                shutil.rmtree(checkpoint, ignore_errors=True)  # left by a run that was killed before it wrote a record
                log.parent.mkdir(parents=True, exist_ok=True)
                log.write_bytes(left.log)
                for name, content in left.checkpoint.items():
                    file = checkpoint / name
                    file.parent.mkdir(parents=True, exist_ok=True)
                    file.write_bytes(content)
                self._keep_shared(left.shared)
            self._store.append(record, left.items, left.pictures)
        except InputError as error:
            if not is_disk_full(error):
                raise
            shutil.rmtree(checkpoint, ignore_errors=True)  # makes room for the record
            return self._append_bare(running, disk_full(None, self._store.folder), losses)
        return record

    def _keep_shared(self, files: Mapping[str, bytes]) -> None:
        folder = self._store.folder / "shared"
        if files:
            folder.mkdir(exist_ok=True)
        for name, content in files.items():
            if not (folder / name).exists():
                write_whole(folder / name, content)

    def _append_bare(self, running: _Running, outcome: Outcome, losses: Sequence[str]) -> Record:
        record = bare_record(running.trial, running.attempt, outcome, running.started_at)
        record = record.model_copy(update={"notes": _notes(losses)})
        self._store.append(record, None)
        return record


def _notes(losses: Sequence[str]) -> tuple[str, ...]:
    """Return what a record says of attempts that a lost node ended."""
    if not losses:
        return ()
    times = "once" if len(losses) == 1 else f"{len(losses)} times"
    return (f"run again {times}: {'; '.join(dict.fromkeys(losses))}",)


def predicted_main_memory(trial: Trial, store: Store) -> int | None:
    """Return the bytes that training on a processor is predicted to take by an estimate that is kept in the folder.

    None where there is none for the method, batch and model.
    """
    for estimate in read_estimates(store.folder):
        same_model = estimate.model.partition("@")[0] == trial.base_model.removeprefix("hub:").partition("@")[0]
        same_batch = estimate.batch_size == trial.recipe.batch_size
        if estimate.device == "cpu" and estimate.method == trial.method.label and same_model and same_batch:
            return estimate.train.needed_bytes + _LIBRARIES_BYTES
    return None
