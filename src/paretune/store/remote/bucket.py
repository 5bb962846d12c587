"""The files at a URL, through fsspec: listed, read, replaced, and created only where none is yet."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from paretune.spec import InputError, one_line

_EXTRAS = {"s3": "s3", "s3a": "s3", "gs": "gcs", "gcs": "gcs", "az": "azure", "abfs": "azure", "adl": "azure"}
"""The extra of Paretune that reaches each kind of URL."""
_MARKS = ("ETag", "etag", "generation", "md5Hash", "LastModified", "last_modified", "mtime", "created")
"""What file systems call that which changes with a file's content, the surest first."""


class Bucket:
    """The files below a URL. Names are relative to it, with slashes.

    Guarantees: each file is there as a whole or not at all, as object stores keep it; of several writers that create
    one name, one succeeds. Every method raises `InputError` in one line when the URL cannot be reached.
    """

    def __init__(self, url: str) -> None:
        """Raises `InputError` when fsspec does not know the kind of URL, or lacks the package for it."""
        import fsspec

        self.url = url.rstrip("/")
        kind = url.partition("://")[0]
        try:
            self._files, root = fsspec.url_to_fs(self.url)
        except ImportError as error:
            extra = _EXTRAS.get(kind)
            mend = f'pip install "paretune[{extra}]"' if extra else one_line(error)
            raise InputError(f"{url}: {kind}:// needs a package that is not installed: {mend}") from None
        except Exception as error:  # each file system has its own
            known = "" if kind in fsspec.available_protocols() else f"; {kind}:// is unknown to fsspec"
            raise InputError(f"{url}: cannot be used: {one_line(error)}{known}") from None
        self._root = root.rstrip("/")

    def listing(self) -> dict[str, str]:
        """Return the names of all files, each with a text that changes with the file; empty where there is none."""
        with self._reached():
            self._files.invalidate_cache()
            try:
                found: Mapping[str, Mapping[str, Any]] = self._files.find(self._root, detail=True)
            except FileNotFoundError:
                return {}
        return {path.removeprefix(f"{self._root}/"): _mark(about) for path, about in found.items()}

    def read(self, name: str) -> bytes | None:
        """Return the content of a file, or None where there is none."""
        with self._reached():
            try:
                content: bytes = self._files.cat_file(self._path(name))
            except FileNotFoundError:
                return None
        return content

    def fetch(self, files: Sequence[tuple[str, Path]]) -> None:
        """Copy files from here, each with its path on this machine, several at a time."""
        with self._reached():
            self._files.get([self._path(name) for name, _ in files], [str(path) for _, path in files])

    def replace(self, files: Sequence[tuple[str, Path]]) -> None:
        """Copy files to here, each with its path on this machine, over those of the same name."""
        with self._reached():
            self._files.put([str(path) for _, path in files], [self._path(name) for name, _ in files])

    def create(self, name: str, content: bytes) -> bool:
        """Put a file where none is yet. Returns False, and changes nothing, where there is one."""
        path = self._path(name)
        with self._reached():
            try:
                self._files.pipe_file(path, content, mode="create")
            except FileExistsError:
                return False
            except Exception:  # some stores refuse with an error of their own, and an answer may be lost on its way
                self._files.invalidate_cache()
                if self._files.exists(path):
                    return False
                raise
        return True

    def remove(self, name: str) -> None:
        """Remove a file, where it is there."""
        with self._reached():
            try:
                self._files.rm_file(self._path(name))
            except FileNotFoundError:
                return

    @property
    def creates_safely(self) -> bool:
        """Whether `create` is one step of the store. fsspec's own looks first and writes then: two may both succeed."""
        from fsspec import AbstractFileSystem
        from fsspec.asyn import AsyncFileSystem

        usual, name = (AsyncFileSystem, "_pipe_file") if self._files.async_impl else (AbstractFileSystem, "pipe_file")
        return getattr(type(self._files), name) is not getattr(usual, name)

    def _path(self, name: str) -> str:
        return f"{self._root}/{name}"

    @contextmanager
    def _reached(self) -> Iterator[None]:
        """Turn what a file system raises into one line: there is no common kind of these errors."""
        try:
            yield
        except Exception as error:
            what = "access is denied" if isinstance(error, PermissionError) else "cannot be reached"
            mend = "check the address, the network and the credentials"
            raise InputError(f"{self.url}: {what}: {one_line(error)}; {mend}") from error


def _mark(about: Mapping[str, Any]) -> str:
    mark = next((about[name] for name in _MARKS if about.get(name) is not None), "")
    return f"{about.get('size')} {mark}"
