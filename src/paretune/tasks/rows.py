"""Rows of data: from a JSONL, JSON, CSV, Parquet or text file on disk, or a file of a data set on the hub."""

import csv
import json
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

from paretune.spec import InputError, one_line

HUB_FORM = "hub:NAME@REVISION:FILE"
_HUB = re.compile(r"hub:(?P<name>[\w.-]+/[\w.-]+)@(?P<revision>[\w.-]+):(?P<file>[\w./+-]+)", re.ASCII)
_SUFFIXES = (".jsonl", ".json", ".csv", ".parquet", ".txt")
_BATCH_ROWS, _BATCH_BYTES = 1 << 16, 1 << 26
"""Of a Parquet file, what is decoded together: rows, or fewer where they are long, as with images."""
_NAMED_LINES = 8
"""Broken lines that are named in addition to the first."""


class Row(NamedTuple):
    """One row and where it stands."""

    number: int
    """Of its line in a text file, of the row in other files; from 1."""
    value: dict[str, Any]


def read_rows(source: str | Path) -> Iterator[Row]:
    """Yield the rows of a file on disk or of `hub:NAME@REVISION:FILE`, fetched once. A .txt file has a text a line.

    Raises `InputError` for a file that is not there, cannot be fetched, or is not in a form that is known.
    """
    path = data_file(source)
    suffix = path.suffix.lower()
    if suffix not in _SUFFIXES:
        raise InputError(f"{path}: data must be a {', '.join(_SUFFIXES[:-1])} or {_SUFFIXES[-1]} file")
    with reading(path):
        if suffix == ".parquet":
            yield from parquet_rows(path)
            return
        with path.open(encoding="utf-8", newline="") as lines:
            if suffix == ".csv":
                reader = csv.DictReader(lines, strict=True)
                for row in reader:
                    yield Row(reader.line_num, row)
            elif suffix == ".txt":
                yield from (Row(number, {"text": line.strip()}) for number, line in enumerate(lines, 1) if line.strip())
            elif suffix == ".json":
                yield from array_rows(path, json.load(lines))
            else:
                yield from json_line_rows(path, lines)


@contextmanager
def reading(path: Path) -> Iterator[None]:
    """Raise `InputError`, one line that names the file, for what goes wrong while it is read."""
    try:
        yield
    except OSError as error:
        raise InputError(f"{path}: cannot read the data: {error.strerror or one_line(error)}") from None
    except json.JSONDecodeError as error:
        raise InputError(f"{path}: not valid JSON: {error.msg} in line {error.lineno}") from None
    except (UnicodeError, csv.Error) as error:
        raise InputError(f"{path}: cannot read the data: {one_line(error)}") from None


def first_rows(source: str | Path, num_rows: int | None) -> list[Row]:
    """Return the first rows of a file, all of them for None."""
    return list(islice(read_rows(source), num_rows))


def data_file(source: str | Path) -> Path:
    """Return where a source lies on disk, fetching it from the hub first where need be. Raises `InputError`."""
    if not str(source).startswith("hub:"):
        return Path(source).expanduser()
    parts = _HUB.fullmatch(str(source))
    if parts is None:
        raise InputError(f'data "{source}": not a file on the hub; write {HUB_FORM}')
    from huggingface_hub import hf_hub_download
    from huggingface_hub.errors import LocalEntryNotFoundError

    wanted: dict[str, Any] = {"repo_id": parts["name"], "revision": parts["revision"], "filename": parts["file"]}
    try:
        return Path(hf_hub_download(**wanted, repo_type="dataset", local_files_only=True))
    except LocalEntryNotFoundError:
        pass
    try:
        return Path(hf_hub_download(**wanted, repo_type="dataset"))
    except Exception as error:  # the hub's client passes on the errors of its HTTP library
        raise InputError(
            f'data "{source}": cannot be had from the hub: {one_line(error)[:200]}; '
            "check name, revision and network, or give the path of a file in the same form"
        ) from error


def parquet_rows(path: Path, prepared: Callable[[Any], Any] = lambda batch: batch) -> Iterator[Row]:
    """Yield the rows of a Parquet file, of record batches as `prepared` makes them.

    Raises `InputError` for a file that is none.
    """
    import pyarrow as pa
    import pyarrow.parquet

    try:
        with pyarrow.parquet.ParquetFile(path) as file:
            groups = (file.metadata.row_group(index).total_byte_size for index in range(file.num_row_groups))
            row_bytes = sum(groups) // max(1, file.metadata.num_rows)
            number = 0
            for batch in file.iter_batches(min(_BATCH_ROWS, max(1, _BATCH_BYTES // max(1, row_bytes)))):
                for value in prepared(batch).to_pylist():
                    number += 1
                    yield Row(number, value)
    except pa.ArrowException as error:
        raise InputError(f"{path}: not a Parquet file: {one_line(error)[:200]}") from None


def json_line_rows(path: Path, lines: Iterable[str]) -> Iterator[Row]:
    """Yield the JSON object of each line that is not blank. Raises `InputError` naming the lines that hold none."""
    filled = ((number, line) for number, line in enumerate(lines, start=1) if line.strip())
    for number, line in filled:
        try:
            row = _line_row(path, number, line)
        except InputError as error:
            others = [other for other, rest in filled if not _is_object(rest)]
            raise InputError(f"{error}{_others_named(others)}") from None
        yield row


def _line_row(path: Path, number: int, line: str) -> Row:
    try:
        return _object(path, f"line {number}", number, json.loads(line))
    except json.JSONDecodeError as error:
        raise InputError(f"{path}, line {number}: not valid JSON: {error.msg}") from None


def _is_object(line: str) -> bool:
    try:
        return isinstance(json.loads(line), dict)
    except json.JSONDecodeError:
        return False


def _others_named(lines: Sequence[int]) -> str:
    """Return which other lines are broken too, the first few by their numbers."""
    if not lines:
        return ""
    named = ", ".join(map(str, lines[:_NAMED_LINES]))
    more = f" and {len(lines) - _NAMED_LINES} more" if len(lines) > _NAMED_LINES else ""
    return f"; line{'' if len(lines) == 1 else 's'} {named}{more} cannot be read either"


def array_rows(path: Path, value: object) -> Iterator[Row]:
    """Yield the objects of a list. Raises `InputError` for anything else."""
    if not isinstance(value, list):
        raise InputError(f"{path}: a .json file must hold a list of rows")
    for number, row in enumerate(value, start=1):
        yield _object(path, f"row {number}", number, row)


def _object(path: Path, place: str, number: int, value: object) -> Row:
    if not isinstance(value, dict):
        raise InputError(f"{path}, {place}: a row must be an object with columns")
    return Row(number, value)
