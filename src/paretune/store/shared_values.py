"""What several trials of a study need alike: found out by the first of them, read by the others.

One file, `shared/<hash>.json`: an object with "what" was found out, "of" which base model, method, data and
environment, and its "value".
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

from paretune.spec.base import content_hash
from paretune.store.atomic import refusing, write_whole


class SharedValues(Protocol):
    """Values that other trials may have found out already."""

    def find(self, what: str, of: Mapping[str, Any]) -> Any | None:
        """Return the value that was kept for exactly these parts, or None."""

    def keep(self, what: str, of: Mapping[str, Any], value: Any) -> None:
        """Keep a value, which is plain JSON, for trials to come."""


class _NothingShared:
    def find(self, what: str, of: Mapping[str, Any]) -> None:
        """Return None."""

    def keep(self, what: str, of: Mapping[str, Any], value: Any) -> None:
        """Keep nothing."""


NOTHING_SHARED: SharedValues = _NothingShared()
"""For a trial that stands alone: it finds everything out itself."""


class StoredValues:
    """Values in a study's folder. They hold in one environment only: another processor may round otherwise.

    Two trials that find the same thing out at once write the same file, which is there as a whole or not at all. The
    folder may be deleted.
    """

    def __init__(self, folder: Path, environment: Mapping[str, Any]) -> None:
        """`folder` is the store's; `environment` is plain JSON: all about this process that may change a value."""
        self._folder = folder / "shared"
        self._environment = environment

    def find(self, what: str, of: Mapping[str, Any]) -> Any | None:
        """Return the value that was kept for exactly these parts, or None: also where its file cannot be read.

        Whoever asks finds it out again then, and `keep` replaces the file.
        """
        try:
            return json.loads(self._file(what, of).read_text(encoding="utf-8"))["value"]
        except (OSError, ValueError, TypeError, KeyError):
            return None

    def keep(self, what: str, of: Mapping[str, Any], value: Any) -> None:
        """Keep a value. Raises `InputError` when it cannot be written."""
        file = self._file(what, of)
        kept = {"what": what, "of": self._all_parts(of), "value": value}
        with refusing(file, "free space, then run again"):
            file.parent.mkdir(exist_ok=True)
            write_whole(file, json.dumps(kept, indent=1).encode())

    def _file(self, what: str, of: Mapping[str, Any]) -> Path:
        return self._folder / f"{content_hash(json.dumps([what, self._all_parts(of)], sort_keys=True))}.json"

    def _all_parts(self, of: Mapping[str, Any]) -> dict[str, Any]:
        return {**of, "environment": dict(self._environment)}
