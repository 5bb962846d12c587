"""A folder of this machine that holds what is at a URL: fetched before it is read, sent as records are finished."""

import re
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

from filelock import FileLock

from paretune.spec import InputError
from paretune.spec.base import content_hash
from paretune.store.atomic import refusing
from paretune.store.cache_root import CACHE_VARIABLE, cache_root
from paretune.store.lock import locked
from paretune.store.remote.address import State, is_url, read_state, write_state
from paretune.store.remote.bucket import Bucket
from paretune.store.remote.hold import Hold, Superseded

_LOCAL = ("file://", "local://")
_CHANGING = ("study.json", "plan.json", "reading.json", "data.json", "estimates.json", "index.html")
"""Files that a later run replaces."""
_PART = r"[\w-][\w.-]*"
_FETCHED = re.compile(
    rf"(study|plan|reading|data|estimates)\.json|records/{_PART}\.json|items/{_PART}\.parquet|pictures/{_PART}/{_PART}"
)
"""Names that are fetched. No part of one begins with a dot: names at a URL may come from strangers."""
_RECORD = re.compile(rf"records/({_PART})\.json")
_CHECKPOINT = re.compile(rf"adapters/({_PART})/.+")
_MEND = f"free space, or let {CACHE_VARIABLE} name a folder on another disk"


class Place(NamedTuple):
    """Where a run writes, and how what it has finished gets where its results belong."""

    folder: Path
    send: Callable[[], None]
    """Raises `InputError` when the URL cannot be reached, and `Superseded` when another run writes there."""


def folder_named_by(address: str | Path) -> Path | None:
    """Return the folder of this machine that an address names, or None for a URL of another place."""
    if not is_url(address):
        return Path(address)
    if str(address).startswith(_LOCAL):
        from fsspec import url_to_fs

        return Path(url_to_fs(str(address))[1])
    return None


def local_folder(address: str | Path, *, may_be_empty: bool = False) -> Path:
    """Return the folder of results: a folder as it is; for a URL its mirror, brought up to date, without checkpoints.

    Raises `InputError` when the URL cannot be reached and, unless it `may_be_empty`, when nothing is there.
    """
    folder = folder_named_by(address)
    if folder is not None:
        return folder
    mirror = _Mirror(str(address))
    mirror.fetch(may_be_empty=may_be_empty)
    return mirror.folder


@contextmanager
def opened_for_writing(address: str | Path) -> Iterator[Place]:
    """Hold an address for one run. What is at a URL is fetched first; what is not there yet is sent at the end.

    A folder of this machine is left to `Store.held`. Raises `InputError` when another run holds the URL, when the URL
    cannot be reached, and when its store cannot keep two runs apart.
    """
    folder = folder_named_by(address)
    if folder is not None:
        yield Place(folder, lambda: None)
        return
    mirror = _Mirror(str(address))
    with mirror.held():
        mirror.fetch(may_be_empty=True)
        try:
            yield Place(mirror.folder, mirror.send)
        finally:
            try:
                mirror.send()
            except Superseded:
                raise
            except InputError as error:
                kept = f"records that are not there yet are kept in {mirror.folder}"
                raise InputError(f"{error}; {kept}, and the same command sends them") from None


def checkpoint_url(folder: Path, attempt: str) -> str | None:
    """Return the URL of a checkpoint that is at the URL a folder mirrors, by trial id and attempt; None for none."""
    state = read_state(folder)
    return f"{state.url}/adapters/{attempt}" if attempt in state.checkpoints else None


class _Mirror:
    """The mirror of one URL, in the cache. Processes of this machine take turns at it."""

    def __init__(self, url: str) -> None:
        self._bucket = Bucket(url)
        self.url = self._bucket.url
        name = re.sub(r"[^\w.-]+", "-", self.url.partition("://")[2])[-60:].strip("-.")
        self.folder = cache_root() / "stores" / f"{name}-{content_hash(self.url)[:12]}"
        with refusing(self.folder, _MEND):
            self.folder.mkdir(parents=True, exist_ok=True)
        self._turn = FileLock(self.folder / ".turn.lock")
        self._hold = Hold(self._bucket, self.folder)

    @contextmanager
    def held(self) -> Iterator[None]:
        """Hold the URL for one run. Raises `InputError` where another one holds it, here or on another machine."""
        refusal = "another run on this machine is writing here; wait until it ends, or choose another --out"
        here = locked(self.folder / ".writing.lock", f"{self.url}: {refusal}")
        try:
            with self._hold.taken():
                yield
        finally:
            here.release()

    def fetch(self, *, may_be_empty: bool) -> None:
        """Bring the folder up to date. Files that are there no more are removed, unless they never were there."""
        with self._turn:
            state, there = read_state(self.folder), self._bucket.listing()
            names = [name for name in there if _FETCHED.fullmatch(name)]
            if not names and not may_be_empty:
                raise InputError(f"{self.url}: no results there; give the URL that was passed to --out")
            self._drop(name for name in state.known if name not in there)
            missing = [name for name in names if there[name] != state.known.get(name) or not self._has(name)]
            self._drop(name for name in missing if _RECORD.fullmatch(name))
            self._bring(missing)
            kept = [name for name, mark in state.known.items() if there.get(name) == mark]
            self._remember(state, there, same=[*kept, *names], fresh=missing)

    def send(self) -> None:
        """Send each finished record that is not there yet after all that belongs to it, then the files that change.

        Raises `InputError` when the URL cannot be reached, and `Superseded` when another run writes there.
        """
        with self._turn:
            state = read_state(self.folder)
            fresh = [path for path in self._records() if f"records/{path.name}" not in state.known]
            changed = {name: mark for name, mark in self._changing().items() if state.sent.get(name) != mark}
            if not fresh and not changed:
                return
            self._hold.check()
            for path in fresh:
                self._send_record(path)
            if changed:
                self._bucket.replace([(name, self.folder / name) for name in changed])
            files = [file for path in fresh for file in (path, *self._with_record(path.stem))]
            same = [*state.known, *changed, *map(self._name, files)]
            self._remember(state, self._bucket.listing(), same=same, fresh=changed)

    def _send_record(self, path: Path) -> None:
        name, content = f"records/{path.name}", path.read_bytes()
        taken = Superseded(
            f"{self.url}/{name}: another run has written this record, and records are never replaced; re-run the same "
            "command to go on from the records that are there"
        )
        there = self._bucket.read(name)
        if there is None:
            if files := self._with_record(path.stem):
                self._bucket.replace([(self._name(file), file) for file in files])
            if not self._bucket.create(name, content):
                there = self._bucket.read(name)  # a repeated request finds what the first has written
        if there not in (None, content):
            raise taken

    def _with_record(self, attempt: str) -> list[Path]:
        """Return the files that belong to a record: answers, pictures, log and checkpoint."""
        single = [self.folder / "items" / f"{attempt}.parquet", self.folder / "logs" / f"{attempt}.log"]
        folders = [self.folder / "pictures" / attempt, self.folder / "adapters" / attempt]
        inside = [path for folder in folders for path in sorted(folder.rglob("*")) if path.is_file()]
        return [*(path for path in single if path.is_file()), *inside]

    def _records(self) -> list[Path]:
        return [path for path in sorted((self.folder / "records").glob("*.json")) if not path.name.startswith(".")]

    def _changing(self) -> dict[str, str]:
        """Return the files here that a later run replaces, with a hash of each."""
        return {name: sha256((self.folder / name).read_bytes()).hexdigest() for name in _CHANGING if self._has(name)}

    def _bring(self, names: list[str]) -> None:
        """Fetch files, each put in its place when it is whole; records last."""
        if not names:
            return
        with refusing(self.folder, _MEND), tempfile.TemporaryDirectory(prefix=".fetched-", dir=self.folder) as fresh:
            pairs = [(name, Path(fresh) / name) for name in sorted(names, key=lambda name: bool(_RECORD.match(name)))]
            for name, path in pairs:
                path.parent.mkdir(parents=True, exist_ok=True)
                (self.folder / name).parent.mkdir(parents=True, exist_ok=True)
            self._bucket.fetch(pairs)
            for name, path in pairs:
                path.replace(self.folder / name)

    def _drop(self, names: Iterable[str]) -> None:
        """Remove files from the folder, and with a record its checkpoint and its log."""
        for name in names:
            (self.folder / name).unlink(missing_ok=True)
            if record := _RECORD.fullmatch(name):
                shutil.rmtree(self.folder / "adapters" / record[1], ignore_errors=True)
                (self.folder / "logs" / f"{record[1]}.log").unlink(missing_ok=True)

    def _remember(self, state: State, there: Mapping[str, str], *, same: Iterable[str], fresh: Iterable[str]) -> None:
        """Keep which files are the same here and there. The `fresh` ones were just sent or fetched."""
        checkpoints = sorted({match[1] for name in there if (match := _CHECKPOINT.fullmatch(name))})
        marks = self._changing()
        sent = state.sent | {name: marks[name] for name in fresh if name in marks}
        found = State(
            self.url,
            known={name: there[name] for name in same if name in there},
            sent={name: mark for name, mark in sent.items() if name in there},
            checkpoints=checkpoints,
        )
        write_state(self.folder, found)

    def _has(self, name: str) -> bool:
        return (self.folder / name).is_file()

    def _name(self, path: Path) -> str:
        return path.relative_to(self.folder).as_posix()
