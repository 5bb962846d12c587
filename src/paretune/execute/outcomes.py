"""Which outcome an error gives a trial."""

import traceback
from pathlib import Path

import torch

from paretune.engine import Divergence
from paretune.execute.executor import disk_full
from paretune.spec import (
    Cancelled,
    Diverged,
    Failed,
    InputError,
    Outcome,
    OutOfMemory,
    Phase,
    Refused,
    Unreachable,
    one_line,
)
from paretune.store.atomic import is_disk_full


def outcome_of(error: Exception, phase: Phase | None, folder: Path) -> Outcome:
    """Return the outcome of a trial that an error ended in a phase. `folder` is where it writes.

    A full disk or a server that does not answer says nothing about the trial: it counts as not yet run. Any other
    `InputError` is something in the study that a person can mend.
    """
    if is_disk_full(error):
        return disk_full(phase, folder)
    if isinstance(error, Unreachable):
        return Cancelled(phase=phase, reason=one_line(error))
    if isinstance(error, InputError):
        return Refused(phase=phase, message=one_line(error))
    if isinstance(error, Divergence):
        return Diverged(step=error.step, loss=error.loss)
    if isinstance(error, torch.OutOfMemoryError | MemoryError):
        return OutOfMemory(phase=phase, message=one_line(error))
    trace = "".join(traceback.format_exception(error))
    return Failed(phase=phase, error_type=type(error).__name__, message=one_line(error), traceback=trace)
