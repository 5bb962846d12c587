"""Runs trials on this machine, each in a process of its own, one after another or several at once."""

import json
import os
import signal
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime
from queue import Empty, SimpleQueue
from typing import IO, NamedTuple

from pydantic import TypeAdapter

from paretune.execute.events import Watcher
from paretune.execute.executor import DiskFull, bare_record
from paretune.execute.fork_server import POSSIBLE, KeptForkServers
from paretune.execute.grouping import Packing, packs_of, shared_by_packs, split_up
from paretune.execute.launch import FREE_SPACE, Launcher, Launching, new_interpreters
from paretune.execute.memory_kills import memory_kills
from paretune.execute.places import DeviceMemory, Place, Places
from paretune.execute.sharded import check_local
from paretune.models.devices import check_jobs, device_environment, visible_devices
from paretune.spec import Cancelled, Failed, InputError, Outcome, OutOfMemory, Phase, Record, TimedOut, Trial
from paretune.store import Store
from paretune.store.atomic import is_disk_full, refusing

_POLL_SECONDS = 0.2
_STOP_SIGNALS = {signal.SIGKILL, signal.SIGTERM, signal.SIGINT, signal.SIGHUP}
_OUTCOME: TypeAdapter[Outcome] = TypeAdapter(Outcome)


class _Event(NamedTuple):
    phase: Phase
    done: int
    total: int


class _Ended(NamedTuple):
    """What a worker's end leaves to do."""

    records: list[Record]
    """The records of its trials."""
    again: tuple[Trial, ...] = ()
    """Trials that it could not train in one pass with others: they are run alone."""


class _Worker:
    """One trial in its own process, or several that are trained in one pass.

    It ends by itself when this process dies, for its standard input then closes.
    """

    def __init__(
        self,
        trials: Sequence[Trial],
        store: Store,
        *,
        launcher: Launcher,
        device: str | None,
        num_running: int,
        options: Sequence[str] = (),
    ) -> None:
        self.trials = tuple(trials)
        self.device = device
        self.attempts = [store.next_attempt(trial.id) for trial in trials]
        self.started_at = datetime.now(UTC)
        self.phase = Phase.LOAD
        self.events: SimpleQueue[_Event] = SimpleQueue()
        logs = [store.log_file(trial.id, attempt) for trial, attempt in zip(trials, self.attempts, strict=True)]
        self.log_file = logs[0]
        self.not_packed: str | None = None
        """Why its trials were not trained in one pass, where it said so."""
        self._told: Outcome | None = None
        self._began = time.monotonic()
        self._kills_before = memory_kills()
        files = [log.with_suffix(".trial.json") for log in logs]
        with refusing(store.folder, FREE_SPACE):
            self.log_file.parent.mkdir(parents=True, exist_ok=True)
            for trial, file in zip(trials, files, strict=True):
                file.write_text(trial.canonical_json(), encoding="utf-8")
        number = ["--attempt", str(self.attempts[0]), "--concurrent", str(num_running)]
        for file, attempt in zip(files[1:], self.attempts[1:], strict=True):
            number += ["--packed-with", str(file), str(attempt)]
        number += options
        with refusing(store.folder, FREE_SPACE):
            log = self.log_file.open("wb")
        with log:
            arguments = [str(files[0]), str(store.folder), *number]
            self.process, self._stdin, stdout = launcher.launch(arguments, log, device_environment(device))
        self._listener = threading.Thread(target=self._listen, args=(stdout,), daemon=True)
        self._listener.start()

    @property
    def seconds(self) -> float:
        return time.monotonic() - self._began

    def _listen(self, stream: IO[bytes]) -> None:
        with stream:
            for line in stream:
                value = json.loads(line)
                if "outcome" in value:
                    self._told = _OUTCOME.validate_python(value["outcome"])
                    continue
                if "not_packed" in value:
                    self.not_packed = value["not_packed"]
                    continue
                self.phase = Phase(value["phase"])
                self.events.put(_Event(self.phase, value["done"], value["total"]))

    def tell(self, num_running: int) -> None:
        """Tell the worker how many trials run now, itself among them."""
        with suppress(BrokenPipeError):  # it has ended: its record is written
            os.write(self._stdin.fileno(), f"{num_running}\n".encode())

    def kill(self) -> None:
        self.process.kill()
        self.close()

    def close(self) -> None:
        """Wait for the process, which has ended or is about to, and for its last words."""
        self.process.wait()
        self._stdin.close()
        self._listener.join(timeout=5)

    def outcome_without_record(self) -> Outcome:
        """Say what became of a worker that ended without leaving a record."""
        if self._told is not None:
            return self._told
        code = self.process.wait()
        for_memory = code == -signal.SIGKILL and memory_kills().rose_since(self._kills_before)
        if for_memory:
            return OutOfMemory(phase=self.phase, message="the operating system killed the worker: out of memory")
        if -code in _STOP_SIGNALS:
            perhaps = ", perhaps for lack of memory" if for_memory is None else ""
            return Cancelled(
                phase=self.phase, reason=f"the worker was stopped by {signal.Signals(-code).name}{perhaps}"
            )
        how = signal.Signals(-code).name if code < 0 else f"exit code {code}"
        log = self.log_file.read_text(encoding="utf-8", errors="replace").strip()
        message = f"the worker ended with {how}" + (f": {log.splitlines()[-1].strip()}" if log else "")
        return Failed(phase=self.phase, error_type="WorkerCrashed", message=message, traceback=log[-4000:])


class LocalExecutor:
    """An `Executor` that gives every trial a process, its share of the threads, and an accelerator of its own.

    Trials that must run alone do so side by side where each has an accelerator. Where there is none, trials share the
    processor, and their processes are forked from one that has imported the libraries. No worker outlives this process.
    """

    def __init__(
        self,
        store: Store,
        *,
        jobs: int | None = 1,
        threads: int | None = None,
        share_devices: bool = False,
        memory: DeviceMemory | None = None,
        time_limit_seconds: float,
        devices: Sequence[str] | None = None,
        launching: Launching | None = None,
        packing: Packing | None = None,
        resumes: bool = True,
    ) -> None:
        """Run `jobs` trials at once, each on `threads` threads, by default its share of the cores.

        None stands for as many as there is room for: one on each accelerator, and more where `memory` says that they
        fit, as `Places` does it. `devices` are the accelerators, by default those that are visible. `launching` says
        how the workers' processes come about: forked by default, but as new interpreters where an accelerator's driver
        might not survive a fork. `packing` says which trials are trained in one pass in one process, where their method
        allows it. With `resumes`, trials leave what later ones of the same training go on from. Raises `InputError`
        where trials would share an accelerator, unless `share_devices`.
        """
        self._store = store
        self._jobs = jobs
        self._threads = threads
        self._devices = visible_devices() if devices is None else tuple(devices)
        self._time_limit_seconds = time_limit_seconds
        self._packing = packing
        self._resumes = resumes
        self._tried: set[str] = set()
        """What trials have in common of which a pack was started."""
        self._alone: set[str] = set()
        """Of which a worker said that they are not trained in one pass."""
        forks = launching is None and POSSIBLE and not self._devices
        self._servers = KeptForkServers(store=store, most=1) if forks else None
        self._launching = launching or self._servers or new_interpreters
        check_jobs(jobs or 1, self._devices, share_devices=share_devices)
        self._places = Places(self._devices, jobs, share_devices=share_devices, memory=memory)

    def run(self, trials: Sequence[Trial], watcher: Watcher, *, alone: bool = False) -> None:
        """Run the trials as `Executor` promises. They start in their order, as soon as there is a place.

        Raises `InputError` before the first where one is sharded and cannot be, as `check_local` says.
        """
        check_local(trials, self._devices, jobs=self._jobs, packs=self._packing is not None)
        packs = packs_of(trials, 1) if self._packing is None else self._packing.packs(trials)
        packs = [part for pack in packs for part in (packs_of(pack, 1) if self._runs_alone(pack) else [pack])]
        try:
            self._run(packs, watcher, alone=alone)
        except InputError as error:
            if is_disk_full(error):
                raise DiskFull(str(error)) from error
            raise

    def close(self) -> None:
        """End the process that waits for further trials, which imported the libraries once for all of them."""
        if self._servers is not None:
            self._servers.close()

    def _runs_alone(self, pack: Sequence[Trial]) -> bool:
        return shared_by_packs(pack[0]) in self._alone

    def _run(self, packs: Sequence[tuple[Trial, ...]], watcher: Watcher, *, alone: bool) -> None:
        running: list[_Worker] = []
        if not packs:
            return
        environment = _environment(
            self._threads or max(1, (os.cpu_count() or 1) // self._places.num_at_once(alone=alone))
        )
        with self._launching(self._store, environment) as launcher:
            try:
                full = self._run_all(list(packs), running, watcher, launcher, alone=alone)
            finally:
                for worker in running:
                    worker.kill()
        if full is not None:
            raise DiskFull(full.reason)

    def _run_all(
        self,
        waiting: list[tuple[Trial, ...]],
        running: list[_Worker],
        watcher: Watcher,
        launcher: Launcher,
        *,
        alone: bool,
    ) -> Cancelled | None:
        """Run what waits; `running` holds the workers at every moment. Returns what says that the disk is full."""
        full: Cancelled | None = None
        announced: set[str] = set()
        while waiting or running:
            while waiting and (place := self._places.next(waiting[0], running, alone=alone)) is not None:
                self._start(waiting.pop(0), place, running, launcher)
                for trial in running[-1].trials:
                    if trial.id not in announced:
                        announced.add(trial.id)
                        watcher.started(trial)
            time.sleep(_POLL_SECONDS)
            for worker in list(running):
                self._forward(worker, watcher)
                ended = self._ended(worker)
                if ended is None:
                    continue
                running.remove(worker)
                self._keep_what_was_said(worker)
                if ended.again and full is None:
                    waiting[:] = [*packs_of(ended.again, 1), *split_up(waiting, ended.again[0].method)]
                for record in ended.records:
                    watcher.finished(record.trial, record, worker.seconds / len(worker.trials))
                    if isinstance(record.outcome, Cancelled) and record.outcome.disk_full:
                        full = record.outcome
                        waiting.clear()
        return full

    def _start(
        self, trials: Sequence[Trial], place: Place, running: list[_Worker], launcher: Launcher
    ) -> None:  # fmt: skip
        """Start a worker, put it with those that run, where an interruption finds it, and tell its neighbours."""
        neighbours = [one for one in running if one.device == place.device]
        num_running = len(neighbours) + 1
        untried = False
        if len(trials) > 1 and self._packing is not None and self._packing.only_where_it_pays:
            shared = shared_by_packs(trials[0])
            untried = shared not in self._tried
            self._tried.add(shared)
        worker = _Worker(
            trials,
            self._store,
            launcher=launcher,
            device=place.device,
            num_running=num_running,
            options=[*(["--only-if-faster"] if untried else []), *([] if self._resumes else ["--from-the-start"])],
        )
        running.append(worker)
        for one in neighbours:
            one.tell(num_running)

    def _keep_what_was_said(self, worker: _Worker) -> None:
        """Remember trials that are not trained in one pass, and say so once."""
        if worker.not_packed is None or self._packing is None or self._runs_alone(worker.trials):
            return
        self._alone.add(shared_by_packs(worker.trials[0]))
        self._packing.say(f"{worker.trials[0].method.label}: trained alone: {worker.not_packed}")

    def _ended(self, worker: _Worker) -> _Ended | None:
        """Return the records of a worker that has ended or must end now, or None while it works."""
        if worker.process.poll() is None:
            if worker.seconds <= self._time_limit_seconds * len(worker.trials):
                return None
            worker.kill()
            outcome: Outcome | None = TimedOut(phase=worker.phase, limit_seconds=self._time_limit_seconds)
        else:
            worker.close()
            outcome = None
        records, missing = [], []
        for trial, attempt in zip(worker.trials, worker.attempts, strict=True):
            latest = self._store.latest(trial.id)
            if latest is not None and latest.attempt == attempt:
                records.append(latest)  # even a worker stopped for time may just have ended
            else:
                missing.append((trial, attempt))
        if not missing:
            return _Ended(records)
        outcome = outcome or worker.outcome_without_record()
        if len(worker.trials) > 1 and not isinstance(outcome, Cancelled):
            return _Ended(records, tuple(trial for trial, _ in missing))  # it says nothing about any one of them
        for trial, attempt in missing:
            record = bare_record(trial, attempt, outcome, worker.started_at)
            self._store.append(record, None)
            records.append(record)
        return _Ended(records)

    @staticmethod
    def _forward(worker: _Worker, watcher: Watcher) -> None:
        while True:
            try:
                event = worker.events.get_nowait()
            except Empty:
                return
            watcher.heard(worker.trials[0], event.phase, event.done, event.total)


def _environment(threads: int) -> dict[str, str]:
    """Return the worker's environment: its threads, and idle threads that sleep instead of spinning."""
    fixed = {"OMP_NUM_THREADS": str(threads), "MKL_NUM_THREADS": str(threads), "TOKENIZERS_PARALLELISM": "false"}
    defaults = {"OMP_WAIT_POLICY": "PASSIVE", "GOMP_SPINCOUNT": "0", "PYTHONUNBUFFERED": "1"}
    return defaults | os.environ | fixed
