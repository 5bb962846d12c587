"""What runs on a node of a cluster: one trial in a process of its own, in a folder of its own, and what it leaves."""

import json
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

from paretune.execute.executor import DiskFull, bare_record, disk_full
from paretune.execute.launch import Launching, new_interpreters
from paretune.execute.local import LocalExecutor
from paretune.spec import Cancelled, Phase, Record, Trial
from paretune.spec.migrate import read_record
from paretune.store import Item, KeptPicture, Store
from paretune.store.atomic import is_disk_full, write_whole

_TELL_SECONDS = 0.5
"""Within a phase, progress is told no more often than this."""


class Assignment(NamedTuple):
    """What a node is to run."""

    trial: str
    """As canonical JSON."""
    threads: int
    time_limit_seconds: float
    shared: Mapping[str, bytes] = {}
    """What earlier trials have found out: files of the store's folder `shared`, by name."""
    launching: Launching | None = None
    """Makes what starts the trial's process, by default as a new interpreter or as the cluster does it."""


class Progress(NamedTuple):
    """How far a trial is, as `Watcher.heard` takes it."""

    phase: str
    done: int
    total: int


class Left(NamedTuple):
    """What a trial leaves on its node."""

    node: str
    record: str
    """As JSON. It counts attempts from 1: only the store knows of earlier ones."""
    items: Sequence[Item] | None
    pictures: Sequence[KeptPicture]
    checkpoint: Mapping[str, bytes]
    """What was trained: contents of files by their paths in the checkpoint's folder."""
    log: bytes
    shared: Mapping[str, bytes]
    """What it found out for other trials: further files of the folder `shared`."""

    def read(self) -> Record:
        """Return the record."""
        return read_record(json.loads(self.record), f"the record that came from {self.node}")


class _Teller:
    """A watcher that passes progress on, now and then."""

    def __init__(self, tell: Callable[[Progress], None]) -> None:
        self._tell = tell
        self._phase: Phase | None = None
        self._told = 0.0

    def started(self, trial: Trial) -> None:
        """Ignore it: the other side started it."""

    def heard(self, trial: Trial, phase: Phase, done: int, total: int) -> None:  # noqa: ARG002 (there is one trial)
        """Pass it on."""
        if phase != self._phase or time.monotonic() - self._told > _TELL_SECONDS:
            self._phase, self._told = phase, time.monotonic()
            self._tell(Progress(phase.value, done, total))

    def finished(self, trial: Trial, record: Record, seconds: float) -> None:
        """Ignore it: the record says it."""


def run_on_node(assignment: Assignment, node: str, tell: Callable[[Progress], None]) -> Left:
    """Run a trial here, as the local executor does, in a temporary folder, and return what it leaves.

    The trial has the accelerators that this process sees. How it ends is its outcome, a full disk of the node too.
    """
    trial = Trial.read(json.loads(assignment.trial), "the trial that was sent")
    try:
        with TemporaryDirectory(prefix="paretune-", ignore_cleanup_errors=True) as folder:
            return _run(assignment, trial, Store(folder), node, tell)
    except OSError as error:
        if not is_disk_full(error):
            raise
        full = disk_full(None, Path(error.filename or "/tmp"))
        return Left(node, _on(node, bare_record(trial, 1, full)).model_dump_json(), None, (), {}, b"", {})


def _run(
    assignment: Assignment, trial: Trial, store: Store, node: str, tell: Callable[[Progress], None]
) -> Left:  # fmt: skip
    shared = store.folder / "shared"
    shared.mkdir()
    for name, content in assignment.shared.items():
        write_whole(shared / name, content)
    executor = LocalExecutor(
        store,
        threads=assignment.threads,
        devices=(),  # the cluster has chosen them: the trial's process sees what this one does
        time_limit_seconds=assignment.time_limit_seconds,
        launching=assignment.launching or new_interpreters,
        resumes=False,  # nothing that it leaves here is found again
    )
    try:
        executor.run([trial], _Teller(tell))
    except DiskFull as error:
        record = store.latest(trial.id) or bare_record(trial, 1, Cancelled(reason=str(error), disk_full=True))
    else:
        record = store.attempt(trial.id, 1)
    checkpoint = store.adapter_folder(trial.id, 1)
    log = store.log_file(trial.id, 1)
    return Left(
        node,
        _on(node, record).model_dump_json(),
        store.items(record) if record.has_answers else None,
        store.pictures(record),
        _contents(checkpoint),
        log.read_bytes() if log.exists() else b"",
        {name: content for name, content in _contents(shared).items() if name not in assignment.shared},
    )


def _on(node: str, record: Record) -> Record:
    """Return a record that names the node where that is the cause: its disk is full, or it reaches no server."""
    outcome = record.outcome
    if not (isinstance(outcome, Cancelled) and outcome.reason):
        return record
    return record.model_copy(update={"outcome": outcome.model_copy(update={"reason": f"{node}: {outcome.reason}"})})


def _contents(folder: Path) -> dict[str, bytes]:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


def shared_files(store: Store) -> dict[str, bytes]:
    """Return what trials have found out for others so far, as `Assignment.shared` takes it."""
    found = {}
    for path in (store.folder / "shared").glob("*.json"):
        with suppress(OSError):  # without it the trial finds that out itself
            found[path.name] = path.read_bytes()
    return found
