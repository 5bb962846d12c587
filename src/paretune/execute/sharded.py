"""Training of one trial over several devices: started from the trial's own process, which then evaluates on one."""

import json
import signal
import threading
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from queue import Empty, SimpleQueue
from tempfile import TemporaryDirectory
from typing import IO, Any, NamedTuple

from pydantic import TypeAdapter

from paretune.execute.events import Listener
from paretune.execute.ranks import Ranks
from paretune.models.devices import check_shards
from paretune.spec import Failed, InputError, Outcome, Phase, PhaseReading, Trial

_POLL_SECONDS = 0.1
_OUTCOME: TypeAdapter[Outcome] = TypeAdapter(Outcome)
TRIAL, FOUND = "trial.json", "found-{rank}.json"
"""Files of the folder through which a trial's processes talk: what is to be trained, and what each one found."""


class Found(NamedTuple):
    """What a process found while it trained."""

    outcome: Outcome
    findings: dict[str, Any]
    phases: tuple[PhaseReading, ...]
    warned: tuple[str, ...]
    model_note: str | None

    def write(self, file: Path) -> None:
        """Leave it for the process that started this one, complete or not at all."""
        value = {
            "outcome": self.outcome.model_dump(mode="json"),
            "findings": self.findings,
            "phases": [reading.model_dump(mode="json") for reading in self.phases],
            "warned": self.warned,
            "model_note": self.model_note,
        }
        whole = file.with_suffix(".part")
        whole.write_text(json.dumps(value), encoding="utf-8")
        whole.rename(file)

    @classmethod
    def read(cls, file: Path) -> "Found":
        """Return what a process left."""
        value = json.loads(file.read_text(encoding="utf-8"))
        phases = tuple(PhaseReading.model_validate(reading) for reading in value["phases"])
        outcome = _OUTCOME.validate_python(value["outcome"])
        return cls(outcome, value["findings"], phases, tuple(value["warned"]), value["model_note"])


def check_local(trials: Iterable[Trial], devices: Sequence[str], *, jobs: int | None, packs: bool) -> None:
    """Raise `InputError` unless this machine, which has these accelerators, can run the sharded ones among the trials.

    `jobs` is how many trials are to run at once, None for as many as there is room for, and `packs` whether some may be
    trained in one pass.
    """
    for trial in trials:
        if trial.method.trains and trial.recipe.sharding is not None:
            check_shards(trial.recipe.sharding.devices, devices, jobs=jobs, packs=packs)


def check_remote(trials: Iterable[Trial]) -> None:
    """Raise `InputError` where one of the trials is sharded: no executor of a cluster gives it several devices."""
    if any(trial.method.trains and trial.recipe.sharding is not None for trial in trials):
        raise InputError("recipe: sharding: not on a cluster; leave it out, or use --executor local on one machine")


def train_sharded(trial: Trial, checkpoint: Path, listener: Listener) -> Found:
    """Train a trial with a process for each device of its recipe; the first saves the adapter into `checkpoint`.

    Returns what the first process found, or the outcome of the process that failed first.
    """
    assert trial.recipe.sharding is not None
    with TemporaryDirectory(prefix="paretune-") as folder:
        work = Path(folder)
        (work / TRIAL).write_text(trial.canonical_json(), encoding="utf-8")
        arguments = ["-m", "paretune.execute.rank", folder, str(checkpoint.absolute())]
        ranks = Ranks(arguments, trial.recipe.sharding.devices)
        try:
            failed = _watch(ranks, work, _Events(ranks.first_output), listener)
        finally:
            ranks.kill()
        return failed or Found.read(work / FOUND.format(rank=0))


class _Events:
    """What the first process tells, read in a thread: its pipe is never full."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._events: SimpleQueue[dict[str, Any]] = SimpleQueue()
        self._phase: Phase | None = None
        threading.Thread(target=self._read, args=(stream,), daemon=True).start()

    def _read(self, stream: IO[bytes]) -> None:
        for line in stream:
            self._events.put(json.loads(line))

    def pass_on(self, listener: Listener) -> None:
        """Pass on what has been told so far."""
        while True:
            try:
                event = self._events.get_nowait()
            except Empty:
                return
            if (phase := Phase(event["phase"])) != self._phase:
                self._phase = phase
                listener.phase(phase)
            listener.progress(event["done"], event["total"])


def _watch(ranks: Ranks, work: Path, events: _Events, listener: Listener) -> Found | None:
    """Wait until all have trained, and return None; or until one has failed, and return what the first such found."""
    left: dict[int, Found] = {}
    while True:
        ended = ranks.ended()
        events.pass_on(listener)
        fresh = {rank: code for rank, code in ended.items() if rank not in left}
        for rank, code in fresh.items():
            file = work / FOUND.format(rank=rank)
            left[rank] = Found.read(file) if file.exists() else _without_a_word(rank, code)
        failed = [rank for rank in fresh if left[rank].outcome.kind != "ok"]
        if failed:
            # Of those that ended at about the same time, one may have failed because another did.
            return left[min(failed, key=lambda rank: _when(work / FOUND.format(rank=rank)))]
        if len(ended) == ranks.number:
            return None
        time.sleep(_POLL_SECONDS)


def _when(file: Path) -> float:
    """Return when a process left what it found; one that was killed could not, and was there first."""
    return file.stat().st_mtime if file.exists() else 0.0


def _without_a_word(rank: int, code: int) -> Found:
    how = f"was killed by {signal.Signals(-code).name}" if code < 0 else f"ended with exit code {code}"
    perhaps = ", perhaps for lack of memory" if -code == signal.SIGKILL else ""
    message = f"the process of device {rank} {how}{perhaps}"
    return Found(Failed(error_type="WorkerCrashed", message=message, traceback=""), {}, (), (), None)
