"""Reading all rows of a data set once: their form, what they hold, and which cannot be used."""

from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain, islice
from typing import Any, NamedTuple

import numpy as np

from paretune.spec import ImagesReport, InputError, nearest
from paretune.tasks.base import Split
from paretune.tasks.data.content import Content, choices_in, content_of
from paretune.tasks.data.files import split_in
from paretune.tasks.data.forms import Form, find_form, flat
from paretune.tasks.data.images import RowImages, with_image, without_image
from paretune.tasks.data.lettered import lettered_form
from paretune.tasks.data.marks import holds_turns, without_marks
from paretune.tasks.data.read import SourceRow, source_rows
from paretune.tasks.data.seen import SeenHashes
from paretune.tasks.data.split import digest, normalised, salted
from paretune.tasks.data.table import Hashes, TableBuilder
from paretune.tasks.data.values import Dropped, as_text
from paretune.tasks.data.wanted import SHOWN_PLACES, SPLITS, DropLog, Wanted

_SAMPLE_ROWS = 100
_SPLIT_COLUMN = "split"
_GROUP_COLUMN = "group"
"""A column of this name says what rows share. Only one that is named decides splits: a split needs many groups."""
UNNAMED = len(SPLITS)
"""In `given`: the data does not say the row's split."""
_UNKNOWN = UNNAMED + 1
"""While rows are read: the column of splits holds a value that names none."""
_64_BITS = (1 << 64) - 1
_ASKED = "Describe the image."
_ASKED_FOR_A_LABEL = "What does the image show?"
"""What is asked about images where neither a column nor the option image_prompt asks."""


class Collected(NamedTuple):
    """The usable rows of a data set."""

    form: Form
    table: Any
    """An Arrow table of the rows, as `TableBuilder` makes it."""
    hashes: Hashes
    given: Any
    """int8: the split that the data itself gives each row, as an index into `SPLITS`, or `UNNAMED`."""
    grouped: bool
    """Whether a column of groups decides the split."""
    holds_turns: bool
    """Whether a chat template was applied to the prompts already."""
    num_read: int
    dropped: DropLog
    notes: tuple[str, ...]
    images: ImagesReport | None
    """What is said of the rows' images, where they have some."""


def collect(wanted: Wanted) -> Collected:
    """Read everything. Raises `InputError` for a source that cannot be read, or rows of which none can be used."""
    notes: list[str] = []
    lists: set[str] = set()
    first, *further = (_of_source(source, split, notes, lists) for source, split in wanted.sources)
    sample = list(islice(first, _SAMPLE_ROWS))
    if not sample:
        raise InputError(f"{wanted.where}: no rows in it")
    columns = {name for row in sample for name in flat(row.value)}
    _check_image_column(wanted, {*columns, *(name for row in sample for name in row.value)})
    form = form_of([row.value for row in sample], wanted)
    _check_column(wanted, "group", wanted.group, columns)
    _check_column(wanted, "split", wanted.split, columns)
    _check_column(wanted, "choices", wanted.choices, columns)
    reader = _Reader(wanted, form)
    reader.take_all(chain(sample, first), wanted.where)
    for rows, (source, split) in zip(further, wanted.sources[1:], strict=True):
        reader.take_all(rows, f"{source} (option {split}_path)")
    table, hashes, given = reader.finish()
    if reader.holds_turns:
        notes.append("prompts that went through a chat template already; none is applied")
    how = reader.grouped, reader.holds_turns, reader.num_read, reader.dropped
    images = None if reader.images is None else reader.images.report
    return Collected(form, table, hashes, given, *how, tuple(notes), images)


def form_of(values: Sequence[Mapping[str, Any]], wanted: Wanted) -> Form:
    """Return the form of data by its first rows. Raises `InputError` as `find_form` does."""
    if wanted.image is not None:
        values = [without_image(flat(one), wanted.image) for one in values]
    lettered = None if wanted.labelled else lettered_form(values, wanted.chosen, wanted.choices)
    pictured = wanted.image is not None
    form = lettered or find_form(values, wanted.chosen, wanted.where, labelled=wanted.labelled, pictured=pictured)
    if not pictured:
        return form
    if wanted.image_prompt is not None and form.inputs and form.kind != "chat":
        asks = " and ".join(form.inputs)
        raise InputError(f"{wanted.where}: option image_prompt: the column {asks} asks already; leave image_prompt out")
    otherwise = _ASKED_FOR_A_LABEL if form.kind == "label" else _ASKED
    return form._replace(image=wanted.image, asked="" if form.inputs else wanted.image_prompt or otherwise)


def _of_source(source: str, split: Split | None, notes: list[str], lists: set[str]) -> Iterator[SourceRow]:
    """Yield the rows of a source. `lists` are the names of files and lists that sources without a split hold."""

    def note(text: str) -> None:
        if text not in notes:
            notes.append(text)

    opening: str | None = None
    for row in source_rows(source, note):
        if split is None:
            if row.opening is not opening:  # the same object for all rows of a list
                opening = row.opening
                lists.add(opening.removesuffix("row ").strip())
            yield row
        else:
            name = f"{split}_path" if split in lists else split  # a list called so has these places already
            yield row._replace(place=f"{name} {row.place}", split=split)


def _check_column(wanted: Wanted, option: str, column: str | None, columns: set[str]) -> None:
    if column is not None and column not in columns:
        raise InputError(
            f'{wanted.where}: no column "{column}", the option {option}; the columns are: {", ".join(sorted(columns))}'
        )


def _check_image_column(wanted: Wanted, columns: set[str]) -> None:
    """Raise `InputError` where the column of images is not there."""
    if wanted.image is not None and wanted.image not in columns:
        raise InputError(
            f'{wanted.where}: no column "{wanted.image}", the option image_column{nearest(wanted.image, columns)}; the '
            f"columns are: {', '.join(sorted(columns))}"
        )


class _Reader:
    """Takes rows one after another."""

    def __init__(self, wanted: Wanted, form: Form) -> None:
        self._wanted = wanted
        self._form = form
        self._group = wanted.group or _GROUP_COLUMN
        self._split = wanted.split or _SPLIT_COLUMN
        self._seen = SeenHashes()
        self.images = None if form.image is None else RowImages(form.image)
        self._refused: list[str] = []
        """What is wrong with images, and for each of the further rows its place."""
        self.builder = TableBuilder()
        self.given = array("b")
        self._names_splits = False
        """Whether some value of the column of splits names one."""
        self.grouped = wanted.group is not None
        self.num_read = 0
        self._num_sampled = 0
        self._num_with_turns = 0
        self.dropped = DropLog()

    def take_all(self, rows: Iterable[SourceRow], where: str) -> None:
        """Take the rows of a source. Raises `InputError`, opening with `where`, if none can be used.

        So it does for images that cannot, once all rows are read: all of these rows are named, or the first of many.
        """
        earlier, self.dropped = self.dropped, DropLog()
        num_read, num_kept = self.num_read, len(self.given)
        for row in rows:
            self.take(row)
        if self._refused:
            first, *more = self._refused
            rest = f" and {len(more) - SHOWN_PLACES} more" if len(more) > SHOWN_PLACES else ""
            raise InputError(
                f"{where}: {first}" + (f"; likewise {', '.join(more[:SHOWN_PLACES])}{rest}" if more else "")
            )
        if len(self.given) == num_kept:
            reasons = "; ".join(f"{one.reason} ({one.first[0]} and others)" for one in self.dropped.rows())
            num_rows = self.num_read - num_read
            none = f"none of {num_rows} rows can be used as {self._form.text}: {reasons}"
            raise InputError(f"{where}: {none if num_rows else 'no rows in it'}")
        for one in self.dropped.rows():
            earlier.add_all(one.reason, one.num_rows, one.first)
        self.dropped = earlier

    def finish(self) -> tuple[Any, Hashes, Any]:
        """Return table, hashes and given splits of the rows that are kept.

        Where the column of splits names some, rows in which it says something else are dropped: they may be held out.
        """
        table, hashes = self.builder.finish()
        given = np.frombuffer(self.given, dtype=np.int8)
        unknown = np.flatnonzero(given == _UNKNOWN)
        if not self._names_splits or not len(unknown):
            return table, hashes, np.minimum(given, UNNAMED)
        places = table["place"].take(unknown[:SHOWN_PLACES]).to_pylist()
        self.dropped.add_all(f'a value of column "{self._split}" that names no split', len(unknown), places)
        known = np.flatnonzero(given != _UNKNOWN)
        return table.take(known), Hashes(*(one[known] for one in hashes)), given[known]

    @property
    def holds_turns(self) -> bool:
        """Whether a chat template was applied already: to most of the first prompts, as one may mention a mark."""
        return 2 * self._num_with_turns > self._num_sampled and not self._wanted.templates_turns

    def take(self, row: SourceRow) -> None:
        """Keep a row, or note why it cannot be used."""
        self.num_read += 1
        try:
            self._take(row)
        except Dropped as reason:
            self.dropped.add(str(reason), row.place)

    def _take(self, row: SourceRow) -> None:
        columns, image = flat(row.value), None
        shown = columns if self._form.image is None else without_image(columns, self._form.image)
        content = without_marks(content_of(shown, self._form, labelled=self._wanted.labelled))
        if self.images is not None:
            try:
                image = self.images.of(row, columns)
                content = with_image(content, image, self._wanted.image_prompt or _ASKED, row.place)
            except InputError as refusal:
                self._refused.append(row.place if self._refused else str(refusal))
                return
        if self._wanted.choices is not None and self._form.kind != "choice":
            content = content._replace(choices=choices_in(columns.get(self._wanted.choices), self._wanted.choices))
        named = None if row.split is not None else as_text(columns.get(self._split))
        split, cluster = row.split or self._split_named(named), self._cluster_of(columns)
        given = UNNAMED if split is None else SPLITS.index(split)
        if not self._seen.add(hash((given, content)) & _64_BITS):
            raise Dropped("the same as an earlier row")
        if self.num_read <= _SAMPLE_ROWS:
            self._num_sampled += 1
            self._num_with_turns += holds_turns(content)
        key = digest(normalised(_asked(content)))
        side = digest(str(cluster)) if self.grouped else key
        self.builder.add(row.place, content, cluster, Hashes(key, salted(side, self._wanted.seed)), image)
        self.given.append(_UNKNOWN if split is None and named is not None else given)
        self._names_splits = self._names_splits or (split is not None and named is not None)

    def _split_named(self, named: str | None) -> Split | None:
        split = None if named is None else split_in(named)
        if split is None and self._wanted.split is not None:
            raise Dropped(f'no split named in column "{self._split}"')
        return split

    def _cluster_of(self, columns: Mapping[str, Any]) -> str | None:
        value = columns.get(self._group)
        cluster = str(value) if isinstance(value, list) else as_text(value)
        if cluster is None and self._wanted.group is not None:
            raise Dropped(f'nothing in column "{self._group}", the option group')
        return cluster


def _asked(content: Content) -> str:
    """Return what may not be on two sides: the image, or else the prompt.

    Of a conversation that is the user's first turn, of plain text all of it.
    """
    if content.image:
        return content.image
    if content.messages:
        return next(message.content for message in content.messages if message.role == "user")
    return f"{content.prompt} {content.second}" if content.second else content.prompt or content.completion
