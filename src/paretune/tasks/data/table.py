"""All usable rows of a data set, kept compactly, and the examples made of them one at a time."""

import json
from array import array
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple, overload

import numpy as np

from paretune.tasks.base import Example, Message
from paretune.tasks.data.content import Content

_CHUNK_ROWS = 1 << 14


class Hashes(NamedTuple):
    """64-bit hashes of the rows, one array of uint64 each."""

    key: Any
    """Of the normalised prompt: equal where rows may not be in two splits."""
    prompt: Any
    """Of the prompt as it is."""
    place: Any
    """Decides split and order."""


class _Row(NamedTuple):
    """A row as it is kept."""

    place: str
    prompt: str
    completion: str
    messages: str | None
    choices: str | None
    cluster: str | None


class TableBuilder:
    """Takes rows one at a time and holds them as Arrow does: a million short rows take about 200 MB."""

    def __init__(self) -> None:
        self._pending: list[tuple[str | None, ...]] = []
        self._chunks: list[Any] = []
        self._hashes = tuple(array("Q") for _ in Hashes._fields)

    def add(self, place: str, content: Content, cluster: str | None, hashes: tuple[int, int, int]) -> None:
        """Add a row with its hashes, in the order of `Hashes`."""
        messages = json.dumps(content.messages) if content.messages else None
        choices = json.dumps(content.choices) if content.choices else None
        self._pending.append((place, content.prompt, content.completion, messages, choices, cluster))
        for kept, value in zip(self._hashes, hashes, strict=True):
            kept.append(value)
        if len(self._pending) == _CHUNK_ROWS:
            self._flush()

    def finish(self) -> tuple[Any, Hashes]:
        """Return the rows as an Arrow table, and their hashes."""
        import pyarrow as pa

        self._flush()
        table = pa.Table.from_batches(self._chunks, self._schema())
        return table, Hashes(*(np.frombuffer(kept, dtype=np.uint64) for kept in self._hashes))

    def _flush(self) -> None:
        import pyarrow as pa

        columns = zip(*self._pending, strict=True) if self._pending else [()] * len(_Row._fields)
        arrays = [pa.array(column, type=pa.large_string()) for column in columns]
        self._chunks.append(pa.record_batch(arrays, schema=self._schema()))
        self._pending.clear()

    @staticmethod
    def _schema() -> Any:
        import pyarrow as pa

        return pa.schema([(name, pa.large_string()) for name in _Row._fields])


class Rows(Sequence[Example]):
    """The examples of one split, made when they are asked for."""

    def __init__(
        self, table: Any, indices: Any, *, plain_text: bool, as_chat: bool, choices: tuple[str, ...] = ()
    ) -> None:
        """`choices` are the answers to choose from of rows that list none of their own."""
        self._table = table
        self._indices = indices
        self._plain_text = plain_text
        self._as_chat = as_chat
        self._choices = choices

    def __len__(self) -> int:
        return len(self._indices)

    @overload
    def __getitem__(self, index: int) -> Example: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Example]: ...
    def __getitem__(self, index: int | slice) -> Example | Sequence[Example]:
        if isinstance(index, slice):
            how: dict[str, Any] = {"plain_text": self._plain_text, "as_chat": self._as_chat, "choices": self._choices}
            return Rows(self._table, self._indices[index], **how)
        return self._made([self._indices[index]])[0]

    def __iter__(self) -> Iterator[Example]:
        for start in range(0, len(self), _CHUNK_ROWS):
            yield from self._made(self._indices[start : start + _CHUNK_ROWS])

    def _made(self, indices: Any) -> list[Example]:
        return [self._example(_Row(**row)) for row in self._table.take(indices).to_pylist()]

    def _example(self, row: _Row) -> Example:
        place, prompt, completion, messages, choices, cluster = row
        if self._plain_text:
            opening, rest = opening_of(completion)
            return Example(place, opening, rest, rest.strip(), "all", cluster, learns_prompt=True)
        target = completion.strip()
        if messages is not None:
            turns = tuple(Message(*turn) for turn in json.loads(messages))
        else:
            turns = (Message("user", prompt.strip()), Message("assistant", target))
        return Example(
            place,
            prompt,
            spaced(prompt, completion),
            target,
            "all",
            cluster,
            turns if self._as_chat else (),
            choices=tuple(json.loads(choices)) if choices is not None else self._choices,
        )


def spaced(prompt: str, completion: str) -> str:
    """Return a completion with a space before it, unless white space stands between it and its prompt already."""
    return completion if completion[0].isspace() or not prompt or prompt[-1].isspace() else f" {completion}"


def opening_of(text: str) -> tuple[str, str]:
    """Return the first half of a plain text, in words, and the rest with the space before it."""
    words = text.split(" ")
    half = max(1, len(words) // 2)
    return " ".join(words[:half]), "".join(f" {word}" for word in words[half:])
