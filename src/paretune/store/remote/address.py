"""Addresses of results: a folder of this machine or a URL, and what is known of the files at a URL."""

import json
import re
from pathlib import Path
from typing import NamedTuple

from paretune.store.atomic import refusing, write_whole

_URL = re.compile(r"[a-zA-Z][a-zA-Z0-9+.-]+://")
_STATE_FILE = ".remote.json"


def is_url(address: str | Path) -> bool:
    """Tell whether an address is a URL."""
    return isinstance(address, str) and _URL.match(address) is not None


def address_of(folder: str | Path) -> str:
    """Return the URL that a folder mirrors; for any other folder, the folder."""
    return read_state(Path(folder)).url or str(folder)


class State(NamedTuple):
    """What a folder knows of the URL that it mirrors."""

    url: str
    known: dict[str, str]
    """The mark that each file had when it was last the same here and there, by name."""
    sent: dict[str, str]
    """The hash of each file that changes, as it was last sent or fetched, by name."""
    checkpoints: list[str]
    """The attempts whose checkpoints are there."""


def read_state(folder: Path) -> State:
    """Return what is known: nothing where the folder mirrors no URL, or its file is damaged."""
    try:
        value = json.loads((folder / _STATE_FILE).read_text(encoding="utf-8"))
        return State(**value)
    except (OSError, ValueError, TypeError):
        return State("", {}, {}, [])


def write_state(folder: Path, state: State) -> None:
    """Keep what is known. Raises `InputError` when it cannot be written."""
    with refusing(folder, "free space, then run again"):
        write_whole(folder / _STATE_FILE, json.dumps(state._asdict()).encode())
