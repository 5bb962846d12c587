"""What a running trial tells the process that watches it: one JSON object a line.

{"phase": "train", "done": 3, "total": 40}     how far it is; `total` is 0 where the phase cannot be counted
{"outcome": {"kind": "cancelled", ...}}        how it ended, where its record could not be written
{"not_packed": "it draws random numbers"}      why trials were not trained in one pass
"""

import json
import os
import sys
from typing import Any, Protocol, TextIO

from paretune.spec import Outcome, Phase, Record, Trial


class Listener(Protocol):
    """Is called as a trial goes on. Calls come from one thread at a time and must return at once."""

    def phase(self, phase: Phase) -> None:
        """A phase begins."""

    def progress(self, done: int, total: int, loss: float | None = None) -> None:
        """`done` of `total` steps or questions of the present phase are over."""


class Watcher(Protocol):
    """Is called as a whole run goes on."""

    def started(self, trial: Trial) -> None:
        """A worker was started."""

    def heard(self, trial: Trial, phase: Phase, done: int, total: int) -> None:
        """A worker reports; `total` is 0 where the phase cannot be counted."""

    def finished(self, trial: Trial, record: Record, seconds: float) -> None:
        """A trial left its record, `seconds` after its start."""


class EventWriter:
    """A listener that writes each event as a line of JSON to the parent process."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._phase = Phase.LOAD

    @classmethod
    def on_stdout(cls) -> "EventWriter":
        """Keep standard output for events, and send what libraries print there to standard error."""
        stream = os.fdopen(os.dup(1), "w", buffering=1)
        os.dup2(2, 1)
        sys.stdout = sys.stderr
        return cls(stream)

    def phase(self, phase: Phase) -> None:
        """Tell that a phase begins."""
        self._phase = phase
        self._progress(0, 0)

    def progress(self, done: int, total: int, loss: float | None = None) -> None:  # noqa: ARG002 (losses go into the record)
        """Tell how far the phase has come."""
        self._progress(done, total)

    def ended(self, outcome: Outcome) -> None:
        """Tell how the trial ended, where it can leave no record itself."""
        self._write({"outcome": outcome.model_dump(mode="json")})

    def not_packed(self, reason: str) -> None:
        """Tell why trials were not trained in one pass."""
        self._write({"not_packed": reason})

    def _progress(self, done: int, total: int) -> None:
        self._write({"phase": self._phase, "done": done, "total": total})

    def _write(self, event: dict[str, Any]) -> None:
        print(json.dumps(event), file=self._stream, flush=True)
