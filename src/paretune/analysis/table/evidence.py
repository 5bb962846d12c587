"""Everything that a study's folder says, read once."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

from paretune.spec import Record, Study
from paretune.store import Store, load_planned_records

Answers = Callable[[Record], Mapping[str, float] | None]
"""Gives the score of each question that a record's model answered; None where only their mean is known."""


def no_answers(record: Record) -> None:
    """Say that no record's answers are known one by one: rows are then compared by their means alone."""


class Evidence(NamedTuple):
    """The records of a study and the answers behind them."""

    records: tuple[Record, ...]
    answers: Answers
    study: Study | None = None
    """What was asked for, with each method's declared departures from the shared recipe; None where it is not known."""


def load_evidence(folder: str | Path) -> Evidence:
    """Return what a study's folder holds; answers are read when they are asked for.

    Of a tuned study, trials of an earlier plan are left out, as in table and page.

    Raises `InputError` when the folder holds no study or a record is damaged.
    """
    records = load_planned_records(folder)
    store = Store(records.folder)
    return Evidence(tuple(records), store.scores, store.study())
