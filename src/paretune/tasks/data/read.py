"""Rows of a source in any format: what they hold, where they stand, and what the files were taken for."""

import json
from collections.abc import Callable, Iterator, Mapping
from itertools import chain
from pathlib import Path
from typing import Any, NamedTuple, TextIO

from paretune.spec import InputError
from paretune.tasks.base import Split
from paretune.tasks.data.delimited import table_rows
from paretune.tasks.data.files import DataFile, data_files, split_in, split_named
from paretune.tasks.data.hub import HUB_PREFIX, hub_rows
from paretune.tasks.data.narrow_floats import widened
from paretune.tasks.data.text import dialect_of, encoding_of
from paretune.tasks.rows import Row, array_rows, json_line_rows, parquet_rows, reading

Note = Callable[[str], None]
"""Is told what a file was taken for where that is not what its ending says, and which files are not read."""


class SourceRow(NamedTuple):
    """One row of the data."""

    place: str
    """Such as "row 3" (the line of a text file, the row of another), after the names of file and list, where they have
    some: different for every row of a source."""
    value: Mapping[str, Any]
    split: Split | None
    """The split that the data says: by the name of the file, of a list in it, or of the hub's split."""
    opening: str
    """What the places of all rows of its list begin with."""
    folder: Path | None = None
    """The folder of its file, in which files lie that it names; None for data on the hub."""


def source_rows(source: str, note: Note) -> Iterator[SourceRow]:
    """Yield the rows of a file, a folder, `hub:NAME@REVISION:FILE` or `hf:NAME@REVISION`, in a fixed order.

    Raises `InputError` naming file and line for what is not there or cannot be read.
    """
    if source.startswith(HUB_PREFIX):
        for name, row in hub_rows(source):
            yield SourceRow(f"{name} row {row.number}", row.value, split_in(name), f"{name} row ")
        return
    for file in data_files(source, note):
        before: dict[str, tuple[str, Split | None]] = {}
        folder = None if source.startswith("hub:") else file.path.parent
        for name, row in _file_rows(file.path, _about(file, note)):
            if name not in before:  # a file has millions of rows in one list
                before[name] = " ".join(filter(None, (file.name, name, "row "))), split_named(name) or file.split
            opening, split = before[name]
            yield SourceRow(f"{opening}{row.number}", row.value, split, opening, folder)


def _about(file: DataFile, note: Note) -> Note:
    return note if not file.name else lambda text: note(f"{file.name}: {text}")


def _file_rows(path: Path, note: Note) -> Iterator[tuple[str, Row]]:
    """Yield the rows of a file, each with the name of the list that it stands in; empty where lists have no names."""
    with reading(path):
        if path.suffix.lower() == ".parquet":
            yield from (("", row) for row in parquet_rows(path, widened))
            return
        encoding = encoding_of(path)
        if encoding not in {"utf-8", "utf-8-sig"}:
            note(f"encoding {encoding}")
        with path.open(encoding=encoding, newline="") as lines:
            yield from _text_rows(path, lines, note)


def _text_rows(path: Path, lines: TextIO, note: Note) -> Iterator[tuple[str, Row]]:
    match path.suffix.lower():
        case ".csv" | ".tsv":
            yield from (("", row) for row in _table_rows(path, lines, note))
        case ".txt":
            yield from (("", row) for row in _paragraphs(lines))
        case ".json":
            yield from _json_rows(path, lines)
        case _:
            yield from (("", row) for row in json_line_rows(path, lines))


def _table_rows(path: Path, lines: TextIO, note: Note) -> Iterator[Row]:
    """Yield the rows of a CSV or TSV file by the line that they begin in."""
    dialect = dialect_of(lines)
    lines.seek(0)
    if noted := dialect.text_beside("\t" if path.suffix.lower() == ".tsv" else ","):
        note(noted)
    yield from table_rows(path, lines, dialect)


def _json_rows(path: Path, lines: TextIO) -> Iterator[tuple[str, Row]]:
    """Yield the rows of a list, of lists by split, of the one list that an object holds, or of JSON lines."""
    try:
        value = json.load(lines)
    except json.JSONDecodeError as error:
        if error.msg != "Extra data":
            raise
        lines.seek(0)
        yield from (("", row) for row in json_line_rows(path, lines))
        return
    if not isinstance(value, dict):
        yield from (("", row) for row in array_rows(path, value))
        return
    lists = {name: rows for name, rows in value.items() if isinstance(rows, list)}
    if not lists or (len(lists) > 1 and not all(map(split_named, lists))):
        keys = ", ".join(map(str, value)) or "nothing"
        raise InputError(f"{path}: a .json file must hold a list of rows, or one for each split; it holds: {keys}")
    for name, rows in lists.items():
        yield from ((name, row) for row in array_rows(path, rows))


def _paragraphs(lines: TextIO) -> Iterator[Row]:
    """Yield a text for each paragraph, where blank lines divide the file into several; otherwise for each line."""
    blocks: list[list[tuple[int, str]]] = [[]]
    for number, line in enumerate(lines, 1):
        if line.strip():
            blocks[-1].append((number, line.strip()))
        elif blocks[-1]:
            blocks.append([])
    filled = [block for block in blocks if block]
    if len(filled) < 2:
        filled = [[line] for line in chain.from_iterable(filled)]
    for block in filled:
        yield Row(block[0][0], {"text": "\n".join(text for _, text in block)})
