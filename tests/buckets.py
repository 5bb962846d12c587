"""Stores at URLs without a network: a folder that behaves like a bucket, and buckets that break a promise."""

from pathlib import Path
from typing import Any

import fsspec
from fsspec import AbstractFileSystem
from fsspec.implementations.local import LocalFileSystem
from fsspec.implementations.memory import MemoryFileSystem

from paretune.store.atomic import create_whole, write_whole


class FolderBucket(LocalFileSystem):  # type: ignore[misc]
    """A folder as a bucket: files appear as a whole, and `create` is one step, so that several processes can use it."""

    protocol = "bucket"

    @classmethod
    def _strip_protocol(cls, path: str) -> str:
        return str(path).removeprefix("bucket://").rstrip("/")

    def pipe_file(self, path: str, value: bytes, mode: str = "overwrite", **_: Any) -> None:
        place = Path(self._strip_protocol(path))
        place.parent.mkdir(parents=True, exist_ok=True)
        (create_whole if mode == "create" else write_whole)(place, value)

    def put_file(self, lpath: str, rpath: str, *_: Any, **__: Any) -> None:
        self.pipe_file(rpath, Path(lpath).read_bytes())


class _InMemory(MemoryFileSystem):  # type: ignore[misc]
    """Keeps its files where memory:// does."""

    @classmethod
    def _strip_protocol(cls, path: str) -> str:
        plain: str = MemoryFileSystem._strip_protocol(path.removeprefix(f"{cls.protocol}:/"))
        return plain


class LooksFirst(_InMemory):
    """A store whose `create` looks first and writes then, as that of fsspec itself does."""

    protocol = "looksfirst"
    pipe_file = AbstractFileSystem.pipe_file


class Replacing(_InMemory):
    """A store that takes no notice of `create`."""

    protocol = "replacing"

    def pipe_file(self, path: str, value: bytes, mode: str = "overwrite", **more: Any) -> None:
        super().pipe_file(path, value, **more)


class Unreachable(_InMemory):
    """A store whose network is down while `down` is set."""

    protocol = "unreachable"
    down = True

    def find(self, *words: Any, **more: Any) -> Any:
        self._ask()
        return super().find(*words, **more)

    def cat_file(self, *words: Any, **more: Any) -> Any:
        self._ask()
        return super().cat_file(*words, **more)

    def pipe_file(self, *words: Any, **more: Any) -> None:
        self._ask()
        super().pipe_file(*words, **more)

    def _ask(self) -> None:
        if type(self).down:
            raise RuntimeError("Could not connect\nto the endpoint")  # botocore's errors are no OSError either


def register() -> None:
    """Let fsspec know these stores."""
    for store in (FolderBucket, LooksFirst, Replacing, Unreachable):
        fsspec.register_implementation(store.protocol, store, clobber=True)
