"""How the records of a folder are read for a study that goes on there."""

from collections.abc import Sequence

from paretune.spec import InputError, Reading, Trial
from paretune.store import Store
from paretune.tasks import get_any_task


def reading_for(trials: Sequence[Trial], store: Store) -> Reading:
    """Return how a folder's records are read beside these trials of one study.

    Records from before trials held the base model's content count as made with what its reference stands for when the
    study first goes on. Raises `InputError` when records were made with another base model or general text.
    """
    kept = store.reading()
    records = store.records()
    silent = {record.trial.base_model for record in records if record.trial.base_content is None}
    contents = {
        trial.base_model: trial.base_content for trial in trials if trial.base_content and trial.base_model in silent
    }
    planned = {trial.task.content_hash: trial.task for trial in trials}
    strange = {record.trial.task.name for record in records if record.trial.task.content_hash not in planned}
    hashes = {
        earlier: task.content_hash
        for task in planned.values()
        if task.name in strange and (earlier := get_any_task(task.name, task.options).earlier_content_hash)
    }
    reading = Reading(
        base_contents={**contents, **kept.base_contents},
        task_hashes={**kept.task_hashes, **hashes},
        labels=kept.labels,
    )
    for trial in trials[:1]:
        for record in store.records(reading):
            reason = trial.conflict_with(record.trial) if record.finished else None
            if reason is not None:
                raise InputError(
                    f"{store.folder}: cannot hold these trials too: its records were made with {reason}; choose "
                    "another folder with --out, or put the earlier one back"
                )
    return reading
