"""All usable rows of a data set, kept compactly, and the examples made of them one at a time."""

import json
from array import array
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple, TypeVar, overload

import numpy as np

from paretune.tasks.base import Example, Message
from paretune.tasks.data.content import Content
from paretune.tasks.data.images import RowImage, picture_of

_CHUNK_ROWS = 1 << 14
_CHUNK_PICTURES = 1 << 6


class Hashes(NamedTuple):
    """64-bit hashes of the rows, one array of uint64 each."""

    key: Any
    """Of the normalised prompt: equal where rows may not be in two splits."""
    place: Any
    """Decides split and order."""


class TableRow(NamedTuple):
    """A row as it is kept."""

    place: str
    prompt: str
    completion: str
    messages: str | None
    """As JSON, like the choices."""
    choices: str | None
    cluster: str | None
    second: str | None
    image: str | None = None
    """SHA-256 of its file, which lies at `image_path`, or is `image_data`."""
    image_path: str | None = None
    image_data: bytes | None = None

    @property
    def picture(self) -> bytes | None:
        """The file of the row's image, read now; None where there is none. Raises `InputError` as `picture_of` does."""
        if self.image is None:
            return None
        return picture_of(RowImage(self.image, self.image_path, self.image_data), self.place)


_NO_IMAGE = (None, None, None)
ExampleT = TypeVar("ExampleT")
Make = Callable[[TableRow], ExampleT]
"""Makes an example of a row."""


class TableBuilder:
    """Takes rows one at a time and holds them as Arrow does: a million short rows take about 200 MB."""

    def __init__(self) -> None:
        self._pending: list[tuple[str | bytes | None, ...]] = []
        self._columns: list[list[Any]] = [[] for _ in TableRow._fields]
        self._hashes = tuple(array("Q") for _ in Hashes._fields)

    def add(
        self, place: str, content: Content, cluster: str | None, hashes: Hashes, image: RowImage | None = None
    ) -> None:
        """Add a row with its hashes, integers of 64 bits."""
        messages = json.dumps(content.messages) if content.messages else None
        choices = json.dumps(content.choices) if content.choices else None
        second = content.second or None
        texts = (place, content.prompt, content.completion, messages, choices, cluster, second)
        self._pending.append((*texts, *(image or _NO_IMAGE)))
        for kept, value in zip(self._hashes, hashes, strict=False):
            kept.append(value)
        if len(self._pending) >= (_CHUNK_ROWS if image is None or image.data is None else _CHUNK_PICTURES):
            self._flush()

    def finish(self) -> tuple[Any, Hashes]:
        """Return the rows as an Arrow table, and their hashes. No row can be added any more."""
        import pyarrow as pa

        self._flush()
        columns = {}
        for name in TableRow._fields:  # no more than one of them is held twice at any time
            columns[name] = _column(self._columns.pop(0), _kind_of(name))
            pa.default_memory_pool().release_unused()
        table = pa.table(columns)
        return table, Hashes(*(np.frombuffer(kept, dtype=np.uint64) for kept in self._hashes))

    def _flush(self) -> None:
        columns = zip(TableRow._fields, self._columns, zip(*self._pending, strict=True), strict=False)
        for name, parts, values in columns:
            parts.append(_part(values, _kind_of(name)))
        self._pending.clear()


def _kind_of(name: str) -> Any:
    """Return the Arrow type of a column that is not empty."""
    import pyarrow as pa

    return pa.large_binary() if name == "image_data" else pa.large_string()


def _part(values: Sequence[str | bytes | None], kind: Any) -> Any:
    """Return values as an Arrow array; of the null type, which takes no memory, where there is none."""
    import pyarrow as pa

    return pa.nulls(len(values)) if all(value is None for value in values) else pa.array(values, kind)


def _column(parts: Sequence[Any], kind: Any) -> Any:
    """Return the parts of a column as one array. Of several, Arrow would make one each time that rows are taken."""
    import pyarrow as pa

    if all(pa.types.is_null(part.type) for part in parts):
        return pa.nulls(sum(map(len, parts)))
    return pa.concat_arrays([part.cast(kind) for part in parts])


class Rows(Sequence[ExampleT]):
    """The examples of one split, made when they are asked for."""

    def __init__(self, table: Any, indices: Any, make: Make[ExampleT]) -> None:
        self._table = table
        self._indices = indices
        self._make = make

    def __len__(self) -> int:
        return len(self._indices)

    @overload
    def __getitem__(self, index: int) -> ExampleT: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[ExampleT]: ...
    def __getitem__(self, index: int | slice) -> ExampleT | Sequence[ExampleT]:
        if isinstance(index, slice):
            return Rows(self._table, self._indices[index], self._make)
        return next(self._made([self._indices[index]]))

    def __iter__(self) -> Iterator[ExampleT]:
        step = _CHUNK_PICTURES if self._table["image_data"].null_count < len(self._table) else _CHUNK_ROWS
        for start in range(0, len(self), step):
            yield from self._made(self._indices[start : start + step])

    def _made(self, indices: Any) -> Iterator[ExampleT]:
        columns = self._table.take(indices).columns
        for row in zip(*(column.to_pylist() for column in columns), strict=True):
            yield self._make(TableRow(*row))


def plain_text_example(row: TableRow) -> Example:
    """Return the example of a plain text, of which the second half continues the first."""
    opening, rest = opening_of(row.completion)
    return Example(row.place, opening, rest, rest.strip(), "all", row.cluster, learns_prompt=True)


def question_example(row: TableRow, *, as_chat: bool, choices: tuple[str, ...] = ()) -> Example:
    """Return the example of a prompt and its completion; `as_chat` as messages too.

    `choices` are the answers to choose from of rows that list none of their own.
    """
    target = row.completion.strip()
    if row.messages is not None:
        turns = tuple(Message(*turn) for turn in json.loads(row.messages))
    else:
        turns = (Message("user", row.prompt.strip()), Message("assistant", target))
    return Example(
        row.place,
        row.prompt,
        spaced(row.prompt, row.completion),
        target,
        "all",
        row.cluster,
        turns if as_chat else (),
        choices=tuple(json.loads(row.choices)) if row.choices is not None else choices,
        picture=row.picture,
    )


def spaced(prompt: str, completion: str) -> str:
    """Return a completion with a space before it, unless white space stands between it and its prompt already."""
    return completion if completion[0].isspace() or not prompt or prompt[-1].isspace() else f" {completion}"


def opening_of(text: str) -> tuple[str, str]:
    """Return the first half of a plain text, in words, and the rest with the space before it."""
    words = text.split(" ")
    half = max(1, len(words) // 2)
    return " ".join(words[:half]), "".join(f" {word}" for word in words[half:])
