"""Files that are either there as a whole or not at all, however the process ends."""

import errno
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from paretune.spec import InputError

_NO_HARD_LINKS = {errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.EMLINK}
_DISK_FULL = (errno.ENOSPC, errno.EDQUOT)


def write_whole(path: Path, content: bytes) -> None:
    """Put `content` at `path`, replacing what was there at one instant. Raises `OSError`."""
    with _written_beside(path, content) as temporary:
        temporary.replace(path)


def create_whole(path: Path, content: bytes) -> None:
    """Put `content` at `path`, where nothing may be yet. Raises `FileExistsError` or another `OSError`."""
    with _written_beside(path, content) as temporary:
        try:
            os.link(temporary, path)  # unlike a rename, a link never replaces
        except OSError as error:
            if error.errno not in _NO_HARD_LINKS:
                raise
            if path.exists():
                raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(path)) from None
            temporary.replace(path)


@contextmanager
def refusing(path: Path, mend: str) -> Iterator[None]:
    """Turn an `OSError` inside into an `InputError` that names the path, the reason and the mend."""
    try:
        yield
    except OSError as error:
        raise InputError(f"{path}: cannot be written: {error.strerror or type(error).__name__}; {mend}") from error


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


@contextmanager
def _written_beside(path: Path, content: bytes) -> Iterator[Path]:
    """Yield a file in the same folder with the content safely on disk. It is gone afterwards, moved or removed."""
    descriptor, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".tmp", dir=path.parent)
    temporary = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.chmod(0o666 & ~_umask())
        yield temporary
        _sync_folder(path.parent)
    finally:
        temporary.unlink(missing_ok=True)


def _sync_folder(folder: Path) -> None:
    """Make the folder's new entry last through a power cut, where the system lets folders be opened."""
    if os.name != "posix":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _umask() -> int:
    """Return the process's file mode mask; the system only tells it when it is set."""
    mask = os.umask(0o022)
    os.umask(mask)
    return mask
