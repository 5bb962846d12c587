"""Runs one trial in this process: `python -m paretune.execute.worker TRIAL.json STORE --attempt N --concurrent N`.

Standard output carries events, see `paretune.execute.events`. On standard input the parent process writes how many
trials run at once, a line each time there is one more; where it closes, this process ends.
"""

import argparse
import json
import os
import shutil
import sys
import threading
import warnings
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Protocol, SupportsInt

from paretune.execute.events import EventWriter, Listener
from paretune.execute.executor import Attempt, Finished, disk_full
from paretune.spec import InputError, Trial
from paretune.store import Store, StoredValues
from paretune.store.atomic import is_disk_full


class RunTrial(Protocol):
    """Runs one trial, as `paretune.execute.trial.run_trial` does."""

    def __call__(
        self, trial: Trial, checkpoint: Path, *, attempt: int, concurrent_workers: SupportsInt, listener: Listener
    ) -> Finished:
        """Return what the trial leaves."""


RunPacked = Callable[[Store, Sequence[Attempt], SupportsInt, EventWriter], Iterator[Finished]]
"""Runs trials in one pass, as `paretune.execute.pack.run_pack` does."""


class _MostAtOnce:
    """The most trials that ran at once so far, as a number."""

    def __init__(self, number: int) -> None:
        self._most = number

    def now(self, number: int) -> None:
        """So many run at present."""
        self._most = max(self._most, number)

    def __int__(self) -> int:
        return self._most


def main(
    run: RunTrial | None = None, arguments: Sequence[str] | None = None, *, run_packed: RunPacked | None = None
) -> int:
    """Run the trial and put its record into the store. Returns 0: what becomes of the trial is its outcome.

    With `--packed-with` trials are trained in one pass, and records are left as trials end; where that is not
    possible, none is left. `run` and `run_packed` take the place of training and evaluation in tests.
    """
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("trial", type=Path, help="the trial as JSON")
    parser.add_argument("store", type=Path, help="the study's folder")
    parser.add_argument("--attempt", type=int, default=1)
    parser.add_argument("--concurrent", type=int, default=1, help="trials that run at once when this one starts")
    parser.add_argument(
        "--packed-with", nargs=2, action="append", default=[], metavar=("TRIAL", "ATTEMPT"),
        help="another trial, to be trained in the same pass, and which attempt at it this is",
    )  # fmt: skip
    parser.add_argument(
        "--only-if-faster", action="store_true", help="with --packed-with: not where that is no faster, by a few steps"
    )
    parser.add_argument("--from-the-start", action="store_true", help="take over no steps from another trial")
    parser.add_argument("--stay", action="store_true", help="go on when standard input closes (to start one by hand)")
    given = parser.parse_args(arguments)
    at_once = _MostAtOnce(given.concurrent)
    if not given.stay:
        _follow_parent(at_once)
    listener = EventWriter.on_stdout()
    store = Store(given.store)
    attempts = [
        _attempt(store, Path(file), int(number))
        for file, number in ((given.trial, given.attempt), *given.packed_with)
    ]  # fmt: skip
    if len(attempts) == 1:
        [(trial, checkpoint, number)] = attempts
        finished = (run or partial(_train_and_evaluate, store, resumes=not given.from_the_start))(
            trial, checkpoint, attempt=number, concurrent_workers=at_once, listener=listener
        )
        _leave(finished, store, listener)
    else:
        train_packed = partial(_train_packed, only_if_faster=given.only_if_faster)
        for finished in (run_packed or train_packed)(store, attempts, at_once, listener):
            _leave(finished, store, listener)
    return 0


def _attempt(store: Store, file: Path, number: int) -> Attempt:
    trial = Trial.read(json.loads(file.read_text(encoding="utf-8")), str(file))
    checkpoint = store.adapter_folder(trial.id, number)
    shutil.rmtree(checkpoint, ignore_errors=True)  # left by a worker that was killed before it could finish
    return Attempt(trial, checkpoint, number)


def _leave(finished: Finished, store: Store, listener: EventWriter) -> None:
    """Put what a trial leaves into the store. Where the disk is full, that is told instead."""
    try:
        store.append(finished.record, finished.items, finished.pictures)
    except InputError as error:
        if not is_disk_full(error):
            raise
        checkpoint = store.adapter_folder(finished.record.trial_id, finished.record.attempt)
        shutil.rmtree(checkpoint, ignore_errors=True)  # makes room for the record that the parent process writes
        listener.ended(disk_full(None, store.folder))


def _train_and_evaluate(
    store: Store,
    trial: Trial,
    checkpoint: Path,
    *,
    attempt: int,
    concurrent_workers: SupportsInt,
    listener: Listener,
    resumes: bool = True,
) -> Finished:
    # Imported here so that a worker started by mistake answers at once.
    from paretune.execute.resuming import FROM_THE_START, StoredTrainings
    from paretune.execute.trial import run_trial

    environment = _set_up()
    return run_trial(
        trial,
        checkpoint,
        attempt=attempt,
        concurrent_workers=concurrent_workers,
        listener=listener,
        shared=StoredValues(store.folder, environment),
        resuming=StoredTrainings(store.folder, environment, concurrent_workers) if resumes else FROM_THE_START,
    )


def _train_packed(
    store: Store,
    attempts: Sequence[Attempt],
    concurrent_workers: SupportsInt,
    listener: EventWriter,
    *,
    only_if_faster: bool = False,
) -> Iterator[Finished]:
    """Yield what trials leave that are trained in one pass: nothing, where they cannot be, or that is no faster.

    The log and the parent process are then told why.
    """
    from paretune.engine.packing import NotPackable
    from paretune.execute.pack import run_pack

    shared = StoredValues(store.folder, _set_up())
    try:
        yield from run_pack(
            attempts,
            concurrent_workers=concurrent_workers,
            listener=listener,
            shared=shared,
            only_if_faster=only_if_faster,
        )
    except NotPackable as error:
        listener.not_packed(str(error))
        print(f"trained alone, not in one pass with others: {error}", file=sys.stderr)


def _set_up() -> dict[str, Any]:
    """Set the libraries up, and return what values that trials share depend on."""
    import torch
    from transformers.utils import logging

    from paretune.measure import environment, paretune_commit

    warnings.filterwarnings("ignore", category=FutureWarning)
    logging.disable_progress_bar()
    if threads := os.environ.get("OMP_NUM_THREADS"):
        torch.set_num_threads(int(threads))
    # Of a checkout, files may have changed since a value was kept: only the commit tells.
    return {**environment(), "git_commit": paretune_commit()}


def _follow_parent(at_once: _MostAtOnce) -> None:
    """Hear from the process that started this one how many trials run, and end as soon as it ends."""

    def follow() -> None:
        # Unbuffered: a thread that holds the lock of `sys.stdin.buffer` makes the interpreter abort when it ends.
        rest = b""
        while chunk := os.read(0, 1024):
            *lines, rest = (rest + chunk).split(b"\n")
            for line in lines:
                at_once.now(int(line))
        os._exit(1)

    threading.Thread(target=follow, daemon=True).start()


if __name__ == "__main__":
    sys.exit(main())
