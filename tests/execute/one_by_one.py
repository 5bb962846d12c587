"""An executor in one file: one trial after another, each in a process of its own."""

import json
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Sequence

from pydantic import TypeAdapter

from paretune.execute.events import Watcher
from paretune.execute.executor import DiskFull, bare_record
from paretune.spec import Cancelled, Failed, Outcome, Phase, Record, TimedOut, Trial
from paretune.store import Store

WORKER = (sys.executable, "-m", "paretune.execute.worker")
OUTCOME: TypeAdapter[Outcome] = TypeAdapter(Outcome)


class OneByOne:
    """Runs trials one after another, whatever there is beside them."""

    def __init__(self, store: Store, *, time_limit_seconds: float, worker: Sequence[str] = WORKER) -> None:
        self._store = store
        self._limit_seconds = time_limit_seconds
        self._worker = worker

    def run(self, trials: Sequence[Trial], watcher: Watcher, *, alone: bool = False) -> None:
        """Run the trials as `Executor` promises. Each is alone in any case."""
        for trial in trials:
            watcher.started(trial)
            began = time.monotonic()
            record = self._record(trial, self._store.next_attempt(trial.id), watcher)
            watcher.finished(trial, record, time.monotonic() - began)
            if isinstance(record.outcome, Cancelled) and record.outcome.disk_full:
                raise DiskFull(record.outcome.reason)

    def _record(self, trial: Trial, attempt: int, watcher: Watcher) -> Record:
        """Run one trial and return the record that it left, or one that says why it left none."""
        outcome = self._run(trial, attempt, watcher)
        latest = self._store.latest(trial.id)
        if latest is not None and latest.attempt == attempt:
            return latest
        record = bare_record(trial, attempt, outcome)
        self._store.append(record, None)
        return record

    def _run(self, trial: Trial, attempt: int, watcher: Watcher) -> Outcome:
        """Return how the process ended, for the case that it left no record."""
        log = self._store.log_file(trial.id, attempt)
        log.parent.mkdir(parents=True, exist_ok=True)
        file = log.with_suffix(".trial.json")
        file.write_text(trial.canonical_json(), encoding="utf-8")
        command = [*self._worker, str(file), str(self._store.folder), "--attempt", str(attempt), "--concurrent", "1"]
        told: Outcome | None = None
        late = threading.Event()
        with log.open("wb") as errors, subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors
        ) as process:  # fmt: skip

            def stop() -> None:
                late.set()
                process.kill()

            timer = threading.Timer(self._limit_seconds, stop)
            timer.start()
            try:
                for line in process.stdout or ():
                    event = json.loads(line)
                    if "outcome" in event:
                        told = OUTCOME.validate_python(event["outcome"])
                    else:
                        watcher.heard(trial, Phase(event["phase"]), event["done"], event["total"])
                code = process.wait()
            finally:
                timer.cancel()
                process.kill()
        if told is not None:
            return told
        if late.is_set():
            return TimedOut(limit_seconds=self._limit_seconds)
        if code in {-signal.SIGKILL, -signal.SIGTERM}:
            return Cancelled(reason="the worker was stopped from outside")
        return Failed(error_type="WorkerCrashed", message=f"the worker ended with exit code {code}; see {log}")
