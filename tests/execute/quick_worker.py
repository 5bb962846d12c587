"""A worker that trains nothing: `python -m tests.execute.quick_worker TOLD.json TRIAL STORE ...`.

All but the training is the real worker's: its arguments, events, record and end. TOLD.json says by trial id which
trials end otherwise than well, how many must run at once before one ends, and which file must be there before one ends.
The checkpoint says which devices the process saw. TOLD.runs has the id of every trial that was begun, a line each.
"""

import errno
import json
import os
import signal
import sys
import threading
import time
from pathlib import Path
from typing import SupportsInt

from paretune.execute.events import Listener
from paretune.execute.executor import Finished
from paretune.execute.worker import main
from paretune.spec import Ok, Phase, Record, Trial
from tests.records import PROVENANCE


def run(
    trial: Trial, checkpoint: Path, *, attempt: int, concurrent_workers: SupportsInt, listener: Listener
) -> Finished:
    """Return a made-up record, after the events of a short training."""
    file = Path(sys.argv[1])
    told = json.loads(file.read_text())
    with file.with_suffix(".runs").open("a") as runs:
        runs.write(f"{trial.id}\n")
    listener.phase(Phase.TRAIN)
    for done in range(3):
        listener.progress(done + 1, 3)
    checkpoint.mkdir(parents=True)
    (checkpoint / "devices.txt").write_text(os.environ.get("CUDA_VISIBLE_DEVICES", "all"))
    while int(concurrent_workers) < told["at_once"] or (told["until"] and not Path(told["until"]).exists()):
        time.sleep(0.01)
    end = told["ends"].get(trial.id)
    if end == "crash":
        os.kill(os.getpid(), signal.SIGSEGV)
    elif end == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    elif end == "hang":
        threading.Event().wait()
    elif end == "disk full":
        os.link = no_room
    provenance = PROVENANCE.model_copy(update={"concurrent_workers": int(concurrent_workers)})
    record = Record(
        trial_id=trial.id,
        attempt=attempt,
        trial=trial,
        outcome=Ok(),
        metrics={"validation_loss": 1.0},
        started_at="now",
        provenance=provenance,
    )
    return Finished(record, None)


def no_room(*_: object, **__: object) -> None:
    """Fail as a full disk does."""
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


if __name__ == "__main__":
    sys.exit(main(run, sys.argv[2:]))
