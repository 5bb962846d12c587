"""Runs one trial in this process: `python -m paretune.execute.worker TRIAL.json STORE --attempt N --concurrent N`."""

import argparse
import os
import shutil
import sys
import threading
import warnings
from pathlib import Path

from paretune.execute.events import EventWriter
from paretune.spec import InputError, Trial
from paretune.store import Store
from paretune.store.atomic import is_disk_full


def main() -> int:
    """Run the trial and put its record into the store. Returns 0: whatever becomes of the trial is its outcome."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("trial", type=Path, help="the trial as JSON")
    parser.add_argument("store", type=Path, help="the study's folder")
    parser.add_argument("--attempt", type=int, default=1)
    parser.add_argument("--concurrent", type=int, default=1, help="trials that run on this machine at once")
    parser.add_argument("--stay", action="store_true", help="go on when standard input closes (to start one by hand)")
    arguments = parser.parse_args()
    if not arguments.stay:
        _end_with_parent()
    _run(arguments, EventWriter.on_stdout())
    return 0


def _run(arguments: argparse.Namespace, listener: EventWriter) -> None:
    # Imported here so that a worker started by mistake answers at once.
    import torch
    from transformers.utils import logging

    from paretune.execute.outcomes import disk_full
    from paretune.execute.trial import run_trial

    warnings.filterwarnings("ignore", category=FutureWarning)
    logging.disable_progress_bar()
    if threads := os.environ.get("OMP_NUM_THREADS"):
        torch.set_num_threads(int(threads))
    trial = Trial.read(_json(arguments.trial), str(arguments.trial))
    store = Store(arguments.store)
    checkpoint = store.adapter_folder(trial.id, arguments.attempt)
    shutil.rmtree(checkpoint, ignore_errors=True)  # left by a worker that was killed before it could finish
    finished = run_trial(
        trial, checkpoint, attempt=arguments.attempt, concurrent_workers=arguments.concurrent, listener=listener
    )
    try:
        store.append(finished.record, finished.items, finished.pictures)
    except InputError as error:
        if not is_disk_full(error):
            raise
        shutil.rmtree(checkpoint, ignore_errors=True)  # makes room for the record that the parent process writes
        listener.ended(disk_full(None, store.folder))


def _json(path: Path) -> object:
    import json

    return json.loads(path.read_text(encoding="utf-8"))


def _end_with_parent() -> None:
    """End this process as soon as its standard input closes, which happens when the process that started it ends."""

    def wait() -> None:
        # Unbuffered: a thread that holds the lock of `sys.stdin.buffer` makes the interpreter abort when it ends.
        while os.read(0, 1):
            pass
        os._exit(1)

    threading.Thread(target=wait, daemon=True).start()


if __name__ == "__main__":
    sys.exit(main())
