"""Where converted models and fetched data are kept, and how one is made exactly once under all circumstances."""

import errno
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from paretune.packages.progress import step
from paretune.spec import InputError
from paretune.store.atomic import is_disk_full
from paretune.store.cache_root import CACHE_VARIABLE, cache_root


def cached(name: str, shelf: str = "models") -> Path | None:
    """Return the folder of a finished model, or of what lies on another shelf, or None. It is always whole."""
    folder = cache_root() / shelf / name
    return folder if folder.is_dir() else None


def build_once(name: str, build: Callable[[Path, Path], None], *, needed_bytes: int, shelf: str = "models") -> Path:
    """Return the folder of the model `name`, or of what lies on another shelf, building it where it is not there yet.

    `build(work, result)` gets two empty folders: what it leaves in `result` becomes the model in one atomic step, what
    it leaves in `work` is deleted. Safe across processes: one builds, the others wait for it and use what it built. A
    process that dies while building leaves nothing that counts, and its leftovers are removed by the next. Raises
    `InputError` when the disk is full or the cache cannot be written, and what `build` raises.
    """
    found = cached(name, shelf)
    if found is not None:
        return found
    folder = cache_root() / shelf
    with _plain_disk_errors(name, folder, needed_bytes):
        folder.mkdir(parents=True, exist_ok=True)
        with _lock(folder, name):
            return cached(name, shelf) or _build(folder, name, build, needed_bytes)


def _build(folder: Path, name: str, build: Callable[[Path, Path], None], needed_bytes: int) -> Path:
    for leftover in folder.glob(f"{name}.partial-*"):
        # A child of the process that died may still be writing there; what it adds goes with the next build.
        shutil.rmtree(leftover, ignore_errors=True)
    if shutil.disk_usage(folder).free < needed_bytes:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    partial = Path(tempfile.mkdtemp(prefix=f"{name}.partial-", dir=folder))
    try:
        work, result = partial / "work", partial / "result"
        work.mkdir()
        result.mkdir()
        build(work, result)
        _flush(result)
        result.replace(folder / name)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return folder / name


def _flush(folder: Path) -> None:
    """Bring the files to the disk, so that a power cut after the renaming cannot leave empty ones."""
    for path in folder.rglob("*"):
        if path.is_file():
            with path.open("rb+") as file:
                os.fsync(file.fileno())


@contextmanager
def _lock(folder: Path, name: str) -> Iterator[None]:
    """Hold the model's lock, which the operating system lets go when its holder dies."""
    lock = FileLock(folder / f"{name}.lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        with step(f"{name}: waiting for another process that is preparing it"):
            lock.acquire()
    try:
        yield
    finally:
        lock.release()


@contextmanager
def _plain_disk_errors(name: str, folder: Path, needed_bytes: int) -> Iterator[None]:
    try:
        yield
    except InputError:
        raise
    except Exception as error:
        if is_disk_full(error):
            raise InputError(
                f"{folder}: the disk is full; {name} needs {megabytes(needed_bytes)} there while it is prepared: "
                f"make room, or let {CACHE_VARIABLE} name a folder on another disk"
            ) from None
        if isinstance(error, PermissionError | FileExistsError | NotADirectoryError) or _is_read_only(error):
            reason = getattr(error, "strerror", None) or type(error).__name__
            raise InputError(
                f"{folder}: cannot write the cache: {reason}; let {CACHE_VARIABLE} name a folder that you may write"
            ) from None
        raise


def _is_read_only(error: BaseException) -> bool:
    return isinstance(error, OSError) and error.errno == errno.EROFS


def megabytes(num_bytes: int) -> str:
    """Return a size as it is shown to a person, in MB of 10^6 bytes."""
    return f"{num_bytes / 1e6:.0f} MB"
