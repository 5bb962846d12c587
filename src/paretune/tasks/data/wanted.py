"""What is asked of a data set, and a list of the rows that cannot be used."""

from collections import Counter
from collections.abc import Iterable
from itertools import islice
from typing import NamedTuple

from paretune.spec import DroppedRows
from paretune.tasks.base import Split
from paretune.tasks.data.forms import Chosen

SPLITS: tuple[Split, ...] = ("train", "validation", "test")
SHOWN_PLACES = 10
"""Rows that are named for a reason."""


class Wanted(NamedTuple):
    """The settings that decide which rows there are and how they are split."""

    sources: tuple[tuple[str, Split | None], ...]
    """Sources with the split that each is for; None for the one that splits are taken from."""
    chosen: Chosen = Chosen()
    group: str | None = None
    """Column whose values may not be on two sides."""
    split: str | None = None
    """Column that names the split."""
    choices: str | None = None
    """Column with the answers to choose from."""
    image: str | None = None
    """Column of the images."""
    image_prompt: str | None = None
    """What is asked about every image, where no column asks."""
    validation_fraction: float = 0.1
    test_fraction: float = 0.2
    max_validation: int = 500
    """Most examples that are split off for validation."""
    max_test: int = 1000
    """Most examples that are split off for the test."""
    seed: int = 0
    labelled: bool = False
    """Whether rows are texts with labels for a head, even where their columns could be something else."""
    templates_turns: bool = False
    """Whether a chat template is applied to prompts that hold the marks of one, too."""

    @property
    def where(self) -> str:
        """The first source, as messages name it."""
        return self.sources[0][0]


class DropLog:
    """Rows that are not used, by reason, with the places of the first of each."""

    def __init__(self) -> None:
        self._first: dict[str, list[str]] = {}
        self._counts: Counter[str] = Counter()

    def add(self, reason: str, place: str) -> None:
        """Note one row."""
        self.add_all(reason, 1, [place])

    def add_all(self, reason: str, num_rows: int, places: Iterable[str]) -> None:
        """Note several rows, of which `places` names at least the first; none is noted as nothing."""
        if num_rows:
            self._counts[reason] += num_rows
            kept = self._first.setdefault(reason, [])
            kept += islice(places, SHOWN_PLACES - len(kept))

    def rows(self) -> tuple[DroppedRows, ...]:
        """Return what was noted, in the order in which reasons came up."""
        return tuple(
            DroppedRows(reason=reason, num_rows=self._counts[reason], first=tuple(places))
            for reason, places in self._first.items()
        )
