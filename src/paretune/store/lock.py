"""One run at a time: a lock file that the process which holds it cannot leave behind."""

from pathlib import Path

from filelock import FileLock, Timeout

from paretune.spec import InputError


def locked(file: Path, refusal: str) -> FileLock:
    """Return a lock that this process now holds. Raises `InputError` with a message where another one holds it."""
    lock = FileLock(file, timeout=0)
    try:
        lock.acquire()
    except Timeout:
        raise InputError(refusal) from None
    return lock
