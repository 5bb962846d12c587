"""Examples in three splits, and the report of what became of the rows they were made of."""

import gc
import hashlib
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property, partial
from itertools import islice
from typing import Any

import numpy as np

from paretune.spec import InputError, RowsReport
from paretune.tasks.base import Example, Split
from paretune.tasks.data.collect import UNNAMED, collect
from paretune.tasks.data.split import sides_of
from paretune.tasks.data.table import (
    ExampleT,
    Make,
    Rows,
    TableRow,
    plain_text_example,
    question_example,
)
from paretune.tasks.data.wanted import SHOWN_PLACES, SPLITS, Wanted

SHOWN_LABELS = 50
_SHOWN_REASONS = 3
"""Reasons why rows are left out that are named where no row is left."""
_MOST_CHOICES = 50
"""Different completions that are few enough to be answers to choose from."""
_TRAIN = SPLITS.index("train")
_FIRST_ROWS = 1000
"""Among so many rows there are three different prompts, or there is no data to speak of."""


@contextmanager
def _no_cycle_collection() -> Iterator[None]:
    """Leave out Python's search for reference cycles: rows have none, and millions of them make it slow."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


class Dataset:
    """A data set as `wanted`. Reads all of it once, when it is made.

    Guarantees: no normalised prompt and no group is in two splits; a row's split depends on no later row, except that
    a row whose prompt another group has in the test or validation set is not trained on. Of rows with images, no image
    is in two splits, and a prompt may be.
    Raises `InputError` for what cannot be read or recognised, and where a split is left without examples.
    """

    def __init__(self, wanted: Wanted) -> None:
        self._wanted = wanted
        with _no_cycle_collection():
            self._rows = collect(wanted)
        self.form = self._rows.form
        self._splits = self._split()
        for split, indices in self._splits.items():
            if not len(indices):
                raise InputError(self._none_left(split))

    def examples(self, split: Split, *, as_chat: bool) -> Rows[Example]:
        """Return the examples of a split, in an order that no other row changes; `as_chat` as messages too."""
        return self.rows(split, self._example(as_chat=as_chat))

    def rows(self, split: Split, make: Make[ExampleT]) -> Rows[ExampleT]:
        """Return what is made of the rows of a split, in the same order."""
        return Rows(self._rows.table, self._splits[split], make)

    def _example(self, *, as_chat: bool) -> Make[Example]:
        """Return what makes examples of rows."""
        if self.form.kind == "text":
            return plain_text_example
        chat = as_chat and not self._rows.holds_turns
        return partial(question_example, as_chat=chat, choices=self._all_completions)

    def completions(self, split: Split) -> dict[str, int]:
        """Return how often each completion is there in a split, the most frequent first."""
        return self._counted(self._splits[split])

    def contradictions(self) -> tuple[int, tuple[str, ...]]:
        """Return how many texts are there with different completions, and where the first of them stand."""
        codes = self._rows.table["completion"].combine_chunks().dictionary_encode().indices.to_numpy()
        pairs = np.unique(np.stack([self._rows.hashes.key, codes.astype(np.uint64)]), axis=1)
        keys, counts = np.unique(pairs[0], return_counts=True)
        rows = np.flatnonzero(np.isin(self._rows.hashes.key, keys[counts > 1]))
        return int((counts > 1).sum()), tuple(self._rows.table["place"].take(rows[:SHOWN_PLACES]).to_pylist())

    def holds(self, text: str) -> bool:
        """Tell whether any completion holds a text."""
        from pyarrow import compute

        return bool(compute.any(compute.match_substring(self._rows.table["completion"], text)).as_py())

    @cached_property
    def content_hash(self) -> str:
        """The first 16 hexadecimal digits of a SHA-256 over every example of every split, images by their hashes."""
        hashed, make = hashlib.sha256(), self._example(as_chat=True)
        with _no_cycle_collection():
            for split in SPLITS:
                for image, example in self.rows(split, lambda row: (row.image, make(row._replace(image=None)))):
                    others = filter(None, [self._wanted.choices and example.choices, image])
                    shown = (split, *example[:4], example.messages, example.learns_prompt, *others)
                    hashed.update(repr(shown).encode())
        return hashed.hexdigest()[:16]

    @cached_property
    def _all_completions(self) -> tuple[str, ...]:
        """The different completions of all rows, in the order of the alphabet; none where there are many."""
        from pyarrow import compute

        column = self._rows.table["completion"]
        for part in (column.slice(0, _FIRST_ROWS), column):  # the first rows alone tell of most data
            different = {one.strip() for one in compute.unique(part).to_pylist()}
            if len(different) > _MOST_CHOICES:
                return ()
        return tuple(sorted(different))

    @cached_property
    def report(self) -> RowsReport:
        """What was read, and what of it is used."""
        return RowsReport(
            source=", ".join(source for source, _ in self._wanted.sources),
            form=self.form.text,
            notes=self._rows.notes + self._notes(),
            num_read=self._rows.num_read,
            num_kept={split: len(indices) for split, indices in self._splits.items()},
            split_by=self._split_by(),
            dropped=self._rows.dropped.rows(),
            labels=self._labels(),
            images=self._rows.images,
        )

    def _split(self) -> dict[Split, Any]:
        """Return the indices of each split's rows, in the order of their places, and note the rows that none gets."""
        given, hashes = self._rows.given, self._rows.hashes
        missing = {split for number, split in enumerate(SPLITS) if not (given == number).any()}
        fractions = {"test": self._wanted.test_fraction, "validation": self._wanted.validation_fraction}
        taken: dict[Split, float] = {split: share for split, share in fractions.items() if split in missing}
        free = np.flatnonzero((given == UNNAMED) | (given == _TRAIN))
        sides = given.copy()
        sides[free] = self._sides(hashes.place[free], taken)
        order = np.argsort(hashes.place, kind="stable")
        by_split = {split: order[sides[order] == number] for number, split in enumerate(SPLITS)}
        by_split["test"] = self._asked_once(by_split["test"])
        by_split["validation"] = self._asked_once(self._apart(by_split["validation"], by_split, ("test",)))
        by_split["train"] = self._apart(by_split["train"], by_split, ("test", "validation"))
        limits = {"test": self._wanted.max_test, "validation": self._wanted.max_validation}
        for split in taken:
            kept, rest = np.split(by_split[split], [limits[split]])
            self._drop(rest, f"more than {limits[split]} {split} examples (options max_{split}, {split}_fraction)")
            by_split[split] = kept
        return by_split

    @staticmethod
    def _sides(places: Any, taken: dict[Split, float]) -> Any:
        """Return the side of each place. The first prompts of the data are one for each split that is taken, and train.

        So small data has all splits, and still no later row moves an earlier one.
        """
        sides = sides_of(places, taken)
        first = dict.fromkeys(places[:_FIRST_ROWS].tolist())
        for place, split in zip(first, (*taken, "train"), strict=False):
            sides[places == np.uint64(place)] = SPLITS.index(split)
        return sides

    def _asked_once(self, indices: Any) -> Any:
        """Return the rows of a split with each prompt once: of two answers to one question, one is always wrong."""
        rows = np.sort(indices)
        _, place, counts = np.unique(self._rows.hashes.key[rows], return_inverse=True, return_counts=True)
        alike = rows[counts[place] > 1]  # the same prompt has the same key
        earlier: set[tuple[str | None, ...]] = set()
        again = np.zeros(len(alike), dtype=bool)
        for number, asked in enumerate(Rows(self._rows.table, alike, _asked)):
            again[number] = asked in earlier
            earlier.add(asked)
        self._drop(alike[again], "a question that an earlier row asks, in validation or test")
        return indices[~np.isin(indices, alike[again])]

    def _apart(self, indices: Any, by_split: dict[Split, Any], others: tuple[Split, ...]) -> Any:
        """Return the rows whose normalised prompt, and whose group where groups decide, is in none of the others."""
        hashes = self._rows.hashes
        what = {self._apart_by: hashes.key} | ({"group": hashes.place} if self._rows.grouped else {})
        for other in others:
            for name, values in what.items():
                shared = np.isin(values[indices], values[by_split[other]])
                self._drop(indices[shared], f"a {name} that is in the {other} set too")
                indices = indices[~shared]
        return indices

    @property
    def _apart_by(self) -> str:
        """What is in no two splits, in a word."""
        return "prompt" if self.form.image is None else "image"

    def _drop(self, indices: Any, reason: str) -> None:
        first = np.sort(indices)[:SHOWN_PLACES]
        self._rows.dropped.add_all(reason, len(indices), self._rows.table["place"].take(first).to_pylist())

    def _split_by(self) -> str:
        given = [split for number, split in enumerate(SPLITS) if (self._rows.given == number).any()]
        asked = "image's file" if self.form.image is not None else "prompt, without case, spaces and punctuation"
        hashed = "group" if self._rows.grouped else asked
        named = f"the data itself ({', '.join(given)})" if given else ""
        rest = f"the hash of the {hashed}" if {"validation", "test"} - set(given) else ""
        return "; the rest by ".join(filter(None, (named, rest)))

    def _notes(self) -> tuple[str, ...]:
        """Return what is said of labels that are written as text; those of a head have a report of their own."""
        if self.form.kind != "label" or self._wanted.labelled or (self.form.image is not None and self.form.inputs):
            return ()
        several, places = self.contradictions()
        if not several:
            return ()
        more = ", ..." if len(places) == SHOWN_PLACES else ""
        what = "text" if self.form.image is None else "image"
        texts = f"1 {what} is" if several == 1 else f"{several} {what}s are"
        return (f"{texts} there with different labels ({', '.join(places)}{more})",)

    def _labels(self) -> dict[str, int]:
        if self.form.kind not in {"label", "choice"}:
            return {}
        return dict(islice(self._counted(np.concatenate(list(self._splits.values()))).items(), SHOWN_LABELS))

    def _counted(self, indices: Any) -> dict[str, int]:
        found = self._rows.table["completion"].take(indices).value_counts().to_pylist()
        return dict(Counter({one["values"]: one["counts"] for one in found}).most_common())

    def _none_left(self, split: Split) -> str:
        where, num_rows = self._wanted.where, len(self._rows.table)
        how = {
            "train": "name more data",
            "validation": "raise validation_fraction, change seed, or name a file with validation_path",
            "test": "raise test_fraction, change seed, or name a file with test_path",
        }
        few = f"{self._apart_by}s or groups" if self._rows.grouped else f"{self._apart_by}s"
        if self.form.kind == "chat" and self.form.image is None:
            few += " (of a conversation the first user turn counts)"
        largest = sorted(self._rows.dropped.rows(), key=lambda one: one.num_rows, reverse=True)[:_SHOWN_REASONS]
        dropped = "; ".join(f"{one.num_rows} left out: {one.reason}" for one in largest)
        none = f"{where}: too few different {few}, none of {num_rows} rows is left for {split}"
        return f"{none} ({dropped}); {how[split]}" if dropped else f"{none}; {how[split]}"


def _asked(row: TableRow) -> tuple[str | None, ...]:
    return row.prompt or row.completion, row.second, row.image
