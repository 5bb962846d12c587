"""Where data lies: a file, a folder of files, a file of a data set on the hub, or all of such a data set."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from paretune.spec import InputError
from paretune.tasks.base import Split
from paretune.tasks.rows import data_file

SUFFIXES = (".jsonl", ".ndjson", ".json", ".csv", ".tsv", ".parquet", ".txt")
HUB_DATASET = "hf:NAME@REVISION"

_SPLIT_WORDS: dict[str, Split] = {
    **dict.fromkeys(("train", "training"), "train"),
    **dict.fromkeys(("validation", "valid", "val", "dev", "eval", "evaluation"), "validation"),
    **dict.fromkeys(("test", "testing"), "test"),
}


_METADATA = frozenset({"dataset_info.json", "dataset_infos.json", "dataset_dict.json", "state.json"})
"""Files of the package datasets that describe a data set and hold no rows of it."""


class DataFile(NamedTuple):
    """One file of the data."""

    path: Path
    name: str
    """Its path inside the folder that was given; empty where one file was given: a file's name is not its content."""
    split: Split | None
    """The split that its name says."""


def split_named(word: object) -> Split | None:
    """Return the split that a word means, such as "dev" or "Training", or None."""
    return _SPLIT_WORDS.get(str(word).strip().casefold()) if word else None


def split_in(name: str) -> Split | None:
    """Return the split that one of the words of a name means, such as "test_sft"; None for none or several."""
    words = re.split(r"[^a-z]+", name.casefold())
    named = {split for word in words if (split := split_named(word)) is not None}
    return named.pop() if len(named) == 1 else None


def data_files(source: str, note: Callable[[str], None]) -> list[DataFile]:
    """Return the files of a source, in the order of their names. Raises `InputError` for what is not there.

    Text files and descriptions of a data set in a folder are only data where nothing else in it is. `note` is told of
    descriptions that are not read.
    """
    path = data_file(source)
    if not path.is_dir():
        _check_suffix(path)
        return [DataFile(path, "", None)]
    found = sorted(
        file
        for file in path.rglob("*")
        if file.is_file()
        and file.suffix.lower() in SUFFIXES
        and not any(part.startswith(".") for part in file.relative_to(path).parts)
    )
    files = [file for file in found if file.suffix.lower() != ".txt"] or found
    rows = [file for file in files if file.name not in _METADATA] or files
    if skipped := ", ".join(file.relative_to(path).as_posix() for file in files if file not in rows):
        note(f"not read, since it describes the data: {skipped}")
    if not files:
        raise InputError(f"{path}: no data in this folder; it needs {_list(SUFFIXES)} files")
    return [DataFile(file, file.relative_to(path).as_posix(), _split_of(file.relative_to(path))) for file in rows]


def _check_suffix(path: Path) -> None:
    if path.suffix.lower() not in SUFFIXES:
        raise InputError(f"{path}: data must be a {_list(SUFFIXES)} file, a folder of them, or {HUB_DATASET}")


def _list(suffixes: tuple[str, ...]) -> str:
    return f"{', '.join(suffixes[:-1])} or {suffixes[-1]}"


def _split_of(path: Path) -> Split | None:
    """Return the split that a file's name says, or a folder on the way to it; the innermost name wins."""
    return next(filter(None, map(split_in, reversed((*path.parts[:-1], path.stem)))), None)
