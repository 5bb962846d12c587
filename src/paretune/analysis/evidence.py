"""Everything that a study's folder says, read once."""

from pathlib import Path
from typing import NamedTuple

from paretune.analysis.family import Answers
from paretune.spec import Record, Study
from paretune.store import Store, load_planned_records


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
    store = Store(folder)
    return Evidence(tuple(load_planned_records(folder)), store.scores, store.study())
