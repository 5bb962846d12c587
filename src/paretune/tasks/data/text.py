"""The encoding of a text file, and how a table in text is delimited and quoted."""

import codecs
import csv
from collections.abc import Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

from paretune.spec import InputError

_CHUNK_BYTES = 1 << 20
_MARKS = {
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
"""Byte-order marks; those of UTF-32 stand first, because one of them begins with one of UTF-16."""
_CANDIDATES = ["cp1252", "cp1251", "cp1253", "cp1255", "cp1256", "koi8_r", "cp932", "euc_jp", "gb18030", "euc_kr"]
"""Encodings that are told apart. Of those for the Latin alphabet only the Western one, which includes Latin-1: a guess
between it and its neighbours is wrong more often than it helps."""
MORE_CELLS = "(more cells than columns)"
"""Column of the cells that a row has beyond those of the header."""
_SAMPLE_LINES = 200
_LONGEST_CELL = (1 << 31) - 1
"""Characters; the library's own limit of 131,072 refuses long documents."""
_DELIMITERS = (",", "\t", ";", "|")
_ONE_COLUMN = "\x1f"
"""What delimits the columns where there is but one: a control character that no text holds."""
_QUOTINGS: tuple[Mapping[str, Any], ...] = (
    {"quotechar": '"', "doublequote": True},
    {"quotechar": '"', "doublequote": False, "escapechar": "\\"},
    {"quoting": csv.QUOTE_NONE, "quotechar": None},
    {"quotechar": "'", "doublequote": True},
)


def encoding_of(path: Path) -> str:
    """Return the name of a text file's encoding, as `open` takes it.

    A byte-order mark decides; then UTF-8 wherever all of the file can be read so; then charset-normalizer's guess from
    the first megabyte. Raises `InputError` where nothing fits, and `OSError` for a file that cannot be read.
    """
    with path.open("rb") as file:
        sample = file.read(_CHUNK_BYTES)
        for mark, name in _MARKS.items():
            if sample.startswith(mark):
                return name
        if b"\0" not in sample and _is_utf8(sample, file):
            return "utf-8"
    return _guessed(path, sample)


def _is_utf8(sample: bytes, rest: Any) -> bool:
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        while sample:
            decoder.decode(sample)
            sample = rest.read(_CHUNK_BYTES)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    return True


def _guessed(path: Path, sample: bytes) -> str:
    from charset_normalizer import from_bytes

    best = from_bytes(sample, cp_isolation=["utf_16_le", "utf_16_be"] if b"\0" in sample else _CANDIDATES).best()
    if best is None:
        raise InputError(f"{path}: its encoding is unknown; save it as UTF-8")
    return str(best.encoding)


class Dialect(NamedTuple):
    """How a table is written as text."""

    delimiter: str
    settings: Mapping[str, Any]
    """Quoting, as `csv.reader` takes it."""

    def reader(self, lines: Iterator[str], *, strict: bool = False) -> Any:
        """Return a `csv.reader` of the lines; a `strict` one raises `csv.Error` for a quote in the wrong place."""
        csv.field_size_limit(_LONGEST_CELL)
        return csv.reader(lines, delimiter=self.delimiter, strict=strict, **self.settings)

    def text_beside(self, usual_delimiter: str) -> str:
        """Return what is unusual about it, in words; empty where nothing is."""
        named = {"\t": "tab", ";": "semicolon", "|": "vertical bar", ",": "comma"}.get(self.delimiter)
        quoting = {1: "quotes escaped by a backslash", 2: "quotes are part of the text", 3: "single quotes"}
        unusual = named is not None and self.delimiter != usual_delimiter
        parts = [f"{named} between columns" if unusual else "", quoting.get(_QUOTINGS.index(self.settings), "")]
        return ", ".join(filter(None, parts))


def dialect_of(lines: Iterator[str]) -> Dialect:
    """Return the dialect in which most of the first rows have as many cells as the header.

    `csv.Sniffer` is not used: it decides by the frequencies of characters and takes commas in sentences for delimiters.
    In a table of one column, commas are part of the text.
    """
    sample = list(islice(lines, _SAMPLE_LINES))
    candidates = [Dialect(delimiter, quoting) for delimiter in _DELIMITERS for quoting in _QUOTINGS]
    best = max(candidates, key=lambda dialect: _fit(dialect, sample))
    return best if _fit(best, sample) > (0.0, 0, 0.0) else Dialect(_ONE_COLUMN, _QUOTINGS[0])


def _fit(dialect: Dialect, sample: list[str]) -> tuple[float, int, float]:
    """Return how well a dialect fits: the more, the better.

    First the share of rows as wide as the header (0 for a table of one column), then the number of rows, which is small
    where a stray quote swallows lines, then minus the share of cells that are still in quotes.
    """
    rows: list[list[str]] = []
    num_broken = 0
    try:
        for row in csv.reader(sample, delimiter=dialect.delimiter, strict=True, **dialect.settings):
            rows += [row] if row else []
    except csv.Error:  # a quote in the wrong place, or the sample ends inside a cell
        num_broken = 1
    if not rows or len(rows[0]) < 2:
        return 0.0, 0, 0.0
    cells = [cell for row in rows for cell in row]
    quoted = sum(len(cell) > 1 and cell[0] == cell[-1] and cell[0] in "\"'" for cell in cells)
    escaped = sum('\\"' in cell for cell in cells)
    num_fitting = sum(len(row) == len(rows[0]) for row in rows)
    return num_fitting / (len(rows) + num_broken), len(rows), -(quoted + escaped) / len(cells)
