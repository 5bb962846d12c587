"""How the records of a folder are read for a study that goes on there."""

from collections.abc import Sequence
from typing import NamedTuple

from paretune.execute.data_sets import DataSets
from paretune.spec import InputError, Reading, Record, Trial
from paretune.store import Store
from paretune.store.remote import address_of


class FolderRecords(NamedTuple):
    """The records of a folder, read together with the trials of one study."""

    reading: Reading
    records: list[Record]
    """The latest attempt at every trial, read so."""

    @property
    def results(self) -> dict[str, Record]:
        """The records that are results, by trial id."""
        return {record.trial.id: record for record in self.records if record.finished}


def read_folder(trials: Sequence[Trial], store: Store, data: DataSets) -> FolderRecords:
    """Return a folder's records, and how they are read, together with these trials of one study.

    Records from before trials held the base model's content count as made with what its reference stands for when the
    study first goes on. Raises `InputError` when records were made with another base model or general text.
    """
    kept = store.reading()
    written = store.as_written()
    records = store.arranged(written, kept)
    silent = {record.trial.base_model for record in records if record.trial.base_content is None}
    contents = {
        trial.base_model: trial.base_content for trial in trials if trial.base_content and trial.base_model in silent
    }
    planned = {trial.task.content_hash: trial.task for trial in trials}
    strange = {record.trial.task.name for record in records if record.trial.task.content_hash not in planned}
    hashes = {
        earlier: task.content_hash
        for task in planned.values()
        if task.name in strange and (earlier := data.planned(task).earlier_content_hash)
    }
    reading = Reading(
        base_contents={**contents, **kept.base_contents},
        task_hashes={**kept.task_hashes, **hashes},
        labels=kept.labels,
    )
    if reading != kept:
        records = store.arranged(written, reading)
    for trial in trials[:1]:
        for record in records:
            reason = trial.conflict_with(record.trial) if record.finished else None
            if reason is not None:
                raise InputError(
                    f"{address_of(store.folder)}: cannot hold these trials too: its records were made with {reason}; "
                    "choose another folder with --out, or put the earlier one back"
                )
    return FolderRecords(reading, records)
