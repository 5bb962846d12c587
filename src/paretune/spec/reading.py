"""How the records of a folder are read today, where that differs from what was written once and never changes."""

from collections.abc import Iterable, Mapping
from typing import Self

from paretune.spec.base import Data
from paretune.spec.record import Record
from paretune.spec.trial import Trial


class Reading(Data):
    """What earlier records are taken to say, and what their rows are called since."""

    base_contents: dict[str, str] = {}
    """By the reference of a base model: its content, for records from before trials held it."""
    task_hashes: dict[str, str] = {}
    """By the content's hash in earlier records: today's hash of the same data."""
    labels: dict[str, tuple[str, ...]] = {}
    """By trial id: the labels of the rows that it belongs to. Two rows may choose the same setting."""

    def resolved(self, record: Record) -> Record:
        """Return a record with the content of its base model and today's hash of its data."""
        trial, task = record.trial, record.trial.task
        hashed = self.task_hashes.get(task.content_hash or "", task.content_hash)
        content = trial.base_content or self.base_contents.get(trial.base_model)
        if (content, hashed) == (trial.base_content, task.content_hash):
            return record
        task = task.model_copy(update={"content_hash": hashed})
        trial = trial.model_copy(update={"base_content": content, "task": task})
        return record.model_copy(update={"trial": trial})

    def rows(self, record: Record) -> list[Record]:
        """Return a resolved record once for each row that it belongs to, under the row's label."""
        labels = self.labels.get(record.trial.id) if self.labels else None
        return [record] if labels is None else [relabelled(record, label) for label in labels]

    def with_labels(self, trials: Iterable[Trial], results: Mapping[str, Record]) -> Self:
        """Return this with the labels that planned trials have, where their results are called otherwise."""
        planned: dict[str, tuple[str, ...]] = {}
        for trial in trials:
            planned[trial.id] = tuple(dict.fromkeys((*planned.get(trial.id, ()), trial.method.label)))
        changed = {
            name: labels
            for name, labels in planned.items()
            if name in results and labels != self.labels.get(name, (results[name].trial.method.label,))
        }
        return self.model_copy(update={"labels": self.labels | changed})


def relabelled(record: Record, label: str) -> Record:
    """Return the record as one of the row of that label."""
    if record.trial.method.label == label:
        return record
    method = record.trial.method.model_copy(update={"label": label})
    return record.model_copy(update={"trial": record.trial.model_copy(update={"method": method})})


def by_id(records: Iterable[Record]) -> dict[str, Record]:
    """Return records by the ids that a plan may know them by: their trial's, and that of their files.

    A plan that an earlier Paretune kept holds the ids of its own.
    """
    return {name: record for record in records for name in (record.trial_id, record.trial.id)}
