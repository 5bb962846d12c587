"""Who writes to a URL: one file there, which only one run can create."""

import json
import socket
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

from paretune.spec import InputError
from paretune.store.atomic import write_whole
from paretune.store.remote.bucket import Bucket

HOLD_FILE = "writer.json"
_NAME_FILE = ".writer"
_TRIES = 3


class Superseded(InputError):
    """Another run writes to this URL, or has written what this one would."""


class Hold:
    """The right to write to a URL, for one mirror at a time.

    A mirror has a name of its own. What a killed run has left is taken over by the next run with the same mirror. A run
    with another mirror, so on another machine, is refused until the file is gone.
    """

    def __init__(self, bucket: Bucket, folder: Path) -> None:
        """`folder` is the mirror, of which only one process at a time may ask."""
        self._bucket = bucket
        self._file = folder / _NAME_FILE

    @contextmanager
    def taken(self) -> Iterator[None]:
        """Hold the URL. Raises `InputError` where another mirror does, and where its store cannot tell two apart."""
        url = self._bucket.url
        if not self._bucket.creates_safely:
            raise InputError(
                f"{url}: results can be read from here, but not written: this kind of store does not create a file "
                "only where none is, which keeps two runs apart; write to S3, Google Cloud Storage or Azure"
            )
        content = json.dumps({"mirror": self._name(), "host": socket.gethostname(), "since": _now()}).encode()
        for _ in range(_TRIES):  # another run may give it back between two requests
            if self._holder() is not None or self._bucket.create(HOLD_FILE, content):
                break
        self.check()
        if self._bucket.create(HOLD_FILE, content):
            raise InputError(
                f"{url}: this store replaces a file that must only be created, so it cannot keep two runs apart; "
                "write to another store"
            )
        try:
            yield
        except BaseException:
            with suppress(InputError):  # the error that ends the run says more; the next run here takes over
                self._give_back()
            raise
        self._give_back()

    def check(self) -> None:
        """Raise `Superseded` where this mirror does not hold the URL, and `InputError` where it cannot be reached."""
        holder = self._holder()
        if self._is_ours(holder):
            return
        url = self._bucket.url
        if holder is None:
            raise Superseded(f"{url}/{HOLD_FILE}: removed while this run writes; re-run the same command to resume")
        who = f"on {_shown(holder.get('host'))} since {_shown(holder.get('since'))}"
        raise Superseded(
            f"{url}: another run writes here ({who}); wait until it ends; if it was killed, delete {url}/{HOLD_FILE}"
        )

    def _give_back(self) -> None:
        if self._is_ours(self._holder()):
            self._bucket.remove(HOLD_FILE)

    def _holder(self) -> dict[str, object] | None:
        """Return what the file at the URL says; None where there is none."""
        content = self._bucket.read(HOLD_FILE)
        if content is None:
            return None
        try:
            value = json.loads(content)
        except ValueError:
            value = {}
        return value if isinstance(value, dict) else {}

    def _is_ours(self, holder: dict[str, object] | None) -> bool:
        return holder is not None and holder.get("mirror") == self._name()

    def _name(self) -> str:
        if not self._file.exists():
            write_whole(self._file, uuid.uuid4().hex.encode())
        return self._file.read_text(encoding="ascii")


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def _shown(value: object) -> str:
    """Return a text that somebody else has written, short and without control characters."""
    text = "".join(letter for letter in str(value or "an unknown host") if letter.isprintable())
    return text[:60]
