"""The answers behind rows as arrays: of 30,000 records the ids of their questions are kept once."""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import NamedTuple, TypeVar

import numpy as np

from paretune.analysis.statistics.scores import FloatArray
from paretune.analysis.table.evidence import Answers
from paretune.analysis.table.rows import Row
from paretune.spec import Record
from paretune.store.items import QuestionScores

Text = TypeVar("Text", bound=tuple[str | None, ...])


class Answered(NamedTuple):
    """What a record's model answered: its questions by id in ascending order, with score and cluster of each."""

    questions: tuple[str, ...]
    scores: FloatArray
    clusters: tuple[str | None, ...]
    """Of the same length; None for a question that has none."""


class AnswerReader:
    """Reads answers one record at a time, and keeps equal ids and clusters once."""

    def __init__(self, answers: Answers) -> None:
        self._answers = answers
        self._kept: dict[tuple[str | None, ...], tuple[str | None, ...]] = {}

    def read(self, row: Row) -> dict[int, Answered] | None:
        """Return what a row answered by seed, in the order of seeds, or None where a seed's answers are not known."""
        found = {record.trial.seed: self._answered(record) for record in row.records}
        known = {seed: one for seed, one in sorted(found.items()) if one is not None}
        return known if len(known) == len(found) else None

    def _answered(self, record: Record) -> Answered | None:
        scores = self._answers(record)
        if not scores:
            return None
        named = scores.clusters if isinstance(scores, QuestionScores) else {}
        questions = self._once(tuple(sorted(scores)))
        values = np.array([scores[name] for name in questions], dtype=float)
        return Answered(questions, values, self._once(tuple(named.get(name) for name in questions)))

    def _once(self, text: Text) -> Text:
        kept: Text = self._kept.setdefault(text, text)  # type: ignore[assignment]
        return kept


def usual_questions(rows: Iterable[dict[int, Answered]]) -> tuple[str, ...]:
    """Return the questions that most rows answered with their first seed; of equally frequent ones the last by id."""
    times = Counter(next(iter(row.values())).questions for row in rows)
    return max(times, key=lambda questions: (times[questions], questions), default=())


def clusters_of(rows: Sequence[dict[int, Answered]]) -> list[str | None]:
    """Return the cluster of each question of rows that answered the same ones; any of the records may name it."""
    found: dict[int, str] = {}
    for clusters in dict.fromkeys(one.clusters for row in rows for one in row.values()):
        found |= {place: cluster for place, cluster in enumerate(clusters) if cluster is not None}
    return [found.get(place) for place in range(len(next(iter(rows[0].values())).questions))]
