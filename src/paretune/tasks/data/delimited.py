"""Rows of a table in text, and the quotes that make other rows part of a cell."""

import csv
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from paretune.spec import InputError
from paretune.tasks.data.text import MORE_CELLS, Dialect
from paretune.tasks.rows import Row

_LINE_BREAK = re.compile(r"\r\n|\r|\n")
_MANY_ROWS = 10
"""Lines in a well-formed cell that are taken for rows when each of them could be one."""
_MEND = "remove the quote, double the quotes inside cells, or save the data as JSONL or Parquet"


class _Record(NamedTuple):
    """The cells of one or several lines."""

    cells: list[str]
    lines: tuple[str, ...]
    first_line: int
    """Its number in the file, from 1."""

    @property
    def last_line(self) -> int:
        """The number of its last line."""
        return self.first_line + len(self.lines) - 1

    @property
    def longest(self) -> int:
        """The index of the cell with the most lines."""
        return max(range(len(self.cells)), key=lambda cell: _num_breaks(self.cells[cell]))

    def opening_line(self, cell: int) -> int:
        """Return the number of the line in which a cell begins."""
        return self.first_line + sum(map(_num_breaks, self.cells[:cell]))


def table_rows(path: Path, lines: Iterator[str], dialect: Dialect) -> Iterator[Row]:
    """Yield the rows below the header by the line that they begin in.

    Cells that a row lacks are None, further ones are listed in the column `MORE_CELLS`. Raises `InputError` naming the
    line for a header that has a name twice, and for a quote that makes other rows part of a cell.
    """
    records = (record for record in _records(lines, dialect) if record.cells)
    header = next(records, None)
    if header is None:
        return
    names, record = header.cells, header
    _check_names(path, header)
    for record in records:
        if len(record.lines) > 1 and _holds_rows(record, len(names), dialect):
            _check_closed(path, record, dialect)
            raise InputError(
                f"{path}, line {record.opening_line(record.longest)}: a quote opens a cell that takes in the rows down "
                f"to line {record.last_line}; {_MEND}"
            )
        row: dict[str, Any] = dict(zip(names, record.cells, strict=False))
        row |= dict.fromkeys(names[len(record.cells) :])
        if len(record.cells) > len(names):
            row[MORE_CELLS] = record.cells[len(names) :]
        yield Row(record.first_line, row)
    _check_closed(path, record, dialect)


def _records(lines: Iterator[str], dialect: Dialect) -> Iterator[_Record]:
    """Yield what the reader makes of the lines, blank ones included."""
    taken: list[str] = []

    def noted() -> Iterator[str]:
        for line in lines:
            taken.append(line)
            yield line

    reader = dialect.reader(noted())
    for cells in reader:
        yield _Record(cells, tuple(taken), reader.line_num - len(taken) + 1)
        taken.clear()


def _check_closed(path: Path, record: _Record, dialect: Dialect) -> None:
    """Raise `InputError` where a further line would still be part of the last cell."""
    if len(list(dialect.reader(iter((*record.lines, "further"))))) == 1:
        line = record.opening_line(len(record.cells) - 1)
        raise InputError(f"{path}, line {line}: a quote opens a cell that no quote closes; {_MEND}")


def _check_names(path: Path, header: _Record) -> None:
    """Raise `InputError` for a name that two columns have; columns without a name may be several."""
    twice = [name for name, number in Counter(header.cells).items() if number > 1 and name.strip()]
    if twice:
        named = ", ".join(f'"{name}"' for name in twice)
        raise InputError(
            f"{path}, line {header.first_line}: two columns have the same name: {named}; give each its own"
        )


def _holds_rows(record: _Record, num_columns: int, dialect: Dialect) -> bool:
    """Tell whether lines after the first are rows of their own rather than text in a cell.

    Each must be as wide as the header; and the quote that ends the cell stands where none may be, or the row
    has another width, or there are many such lines, which text in a table of several columns hardly has.
    """
    further = [line for line in record.lines[1:] if line.strip()]
    if any(len(next(dialect.reader(iter((line,))))) != num_columns for line in further):
        return False
    if len(record.cells) != num_columns or not _is_well_formed(record.lines, dialect):
        return True
    return num_columns > 1 and len(further) >= _MANY_ROWS


def _is_well_formed(lines: Sequence[str], dialect: Dialect) -> bool:
    try:
        list(dialect.reader(iter(lines), strict=True))
    except csv.Error:
        return False
    return True


def _num_breaks(cell: str) -> int:
    return len(_LINE_BREAK.findall(cell))
