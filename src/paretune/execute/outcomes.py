"""Which outcome an error gives a trial."""

import errno
import os
import traceback
from collections.abc import Iterator
from pathlib import Path

import torch

from paretune.engine import Divergence
from paretune.spec import (
    Cancelled,
    Diverged,
    Failed,
    InputError,
    Outcome,
    OutOfMemory,
    Phase,
    Refused,
    one_line,
)

_DISK_FULL = (errno.ENOSPC, errno.EDQUOT)


def outcome_of(error: Exception, phase: Phase | None, folder: Path) -> Outcome:
    """Return the outcome of a trial that an error ended in a phase. `folder` is where it writes.

    A full disk says nothing about the trial: it counts as not yet run. An `InputError` is something in the study that
    a person can mend.
    """
    if is_disk_full(error):
        return disk_full(phase, folder)
    if isinstance(error, InputError):
        return Refused(phase=phase, message=one_line(error))
    if isinstance(error, Divergence):
        return Diverged(step=error.step, loss=error.loss)
    if isinstance(error, torch.OutOfMemoryError | MemoryError):
        return OutOfMemory(phase=phase, message=one_line(error))
    trace = "".join(traceback.format_exception(error))
    return Failed(phase=phase, error_type=type(error).__name__, message=one_line(error), traceback=trace)


def disk_full(phase: Phase | None, folder: Path) -> Cancelled:
    """Return the outcome of a trial that found no room for what it writes into a folder."""
    return Cancelled(phase=phase, reason=f"{folder}: the disk is full; free space, then run again", disk_full=True)


def is_disk_full(error: BaseException) -> bool:
    """Tell whether an error, or one that caused it, says that the disk or the quota is full.

    safetensors reports the system's error as the text of one of its own.
    """
    texts = tuple(os.strerror(number) for number in _DISK_FULL)
    return any(
        one.errno in _DISK_FULL if isinstance(one, OSError) and one.errno else any(text in str(one) for text in texts)
        for one in _causes(error)
    )


def _causes(error: BaseException) -> Iterator[BaseException]:
    """Yield an error and those that it comes from."""
    found: BaseException | None = error
    while found is not None:
        yield found
        found = found.__cause__ or found.__context__
