"""One study's folder.

study.json                          the study, as it was last run
plan.json                           of a study that tunes: which trial serves which purpose
reading.json                        how records are read, where rows were renamed or records are of an earlier Paretune
records/<trial id>-<attempt>.json   what one attempt at a trial left behind; never changed once written
items/<trial id>-<attempt>.parquet  its answers, question by question
pictures/<trial id>-<attempt>/      of an image model: generated images, small, and what it learnt from
adapters/<trial id>-<attempt>/      what was trained
logs/<trial id>-<attempt>.log       what its process printed
shared/<hash>.json                  what several trials need alike, see `shared_values`
training_states/<training id>.safetensors
                                    while a study is tuned: training states, from which later trials go on
"""

import json
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from paretune.spec import InputError, Reading, Record, Study
from paretune.spec.migrate import read_record
from paretune.store.atomic import create_whole, refusing, write_whole
from paretune.store.items import Item, QuestionScores, items_bytes, read_items, read_scores
from paretune.store.lock import locked
from paretune.store.pictures import KeptPicture, read_pictures, write_pictures
from paretune.store.records import Records
from paretune.store.remote import address_of, local_folder

TRIAL_FILE = "trial.json"
"""The trial that a checkpoint belongs to, next to what was trained: it can be evaluated without the study."""
_FREE_SPACE = "free space, then run again"
_ANOTHER = "choose another folder with --out"
_READING_FILE = "reading.json"


class Store:
    """The records of one study.

    Guarantees: a record is there as a whole or not at all, and its answers are there before it; nothing that has been
    written is ever changed; one run at a time writes into a folder. Reading needs no lock.
    """

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)

    @contextmanager
    def open_for_study(self, study: Study) -> Iterator[None]:
        """Hold the folder for a run of `study` and keep it there. Raises `InputError` as `held` and `check` do."""
        with self.held():
            self.keep_study(study)
            yield

    @contextmanager
    def held(self) -> Iterator[None]:
        """Hold the folder for one run, making it first where it is not there.

        Raises `InputError` when the folder cannot be written, or when another run holds it.
        """
        with refusing(self.folder, _ANOTHER):
            for name in ("records", "items"):
                (self.folder / name).mkdir(parents=True, exist_ok=True)
            refusal = f"{self.folder}: another run is writing into this folder; wait until it ends, or {_ANOTHER}"
            lock = locked(self.folder / ".lock", refusal)
        try:
            yield
        finally:
            lock.release()

    def check(self, study: Study, num_examples: Collection[int] = ()) -> None:
        """Raise `InputError` when records are here that were made under another recipe than the study's.

        `num_examples` are the training examples of each of its tasks, by which epochs are turned into steps.
        """
        earlier = self.study()
        reason = study.conflict_with(earlier, num_examples) if earlier is not None and self._attempts() else None
        if reason is not None:
            raise InputError(f"{address_of(self.folder)}: cannot hold these trials too: {reason}; {_ANOTHER}")

    def keep_study(self, study: Study, num_examples: Collection[int] = ()) -> None:
        """Write study.json. Raises `InputError` as `check` does, and when it cannot be written."""
        self.check(study, num_examples)
        if study != self.study():
            with refusing(self.folder, _ANOTHER):
                write_whole(self.folder / "study.json", study.model_dump_json(indent=1).encode())

    def study(self) -> Study | None:
        """Return the study that was last run here, or None. Raises `InputError` when the file is damaged."""
        path = self.folder / "study.json"
        try:
            text = path.read_text(encoding="utf-8")
        except (FileNotFoundError, NotADirectoryError):
            return None
        try:
            value = json.loads(text)
        except ValueError as error:
            raise InputError(f"{path}: damaged ({error}); delete it and run the study again") from None
        return Study.read(value, str(path))

    def reading(self) -> Reading:
        """Return how records here are read, as it was last kept. Raises `InputError` when the file is damaged."""
        path = self.folder / _READING_FILE
        if not path.exists():
            return Reading()
        try:
            value = json.loads(path.read_text(encoding="utf-8"))
        except ValueError as error:
            raise InputError(f"{path}: damaged ({error}); delete it and run the study again") from None
        return Reading.read(value, str(path))

    def keep_reading(self, reading: Reading) -> None:
        """Keep how records here are read from now on. Raises `InputError` when it cannot be written."""
        if reading != self.reading():
            with refusing(self.folder, _FREE_SPACE):
                write_whole(self.folder / _READING_FILE, reading.model_dump_json(indent=1).encode())

    def records(self, reading: Reading | None = None) -> list[Record]:
        """Return the latest attempt at every trial: in the order of the study's methods, then as they were started.

        `reading` says how they are read, by default as it was last kept. Raises `InputError` when a record is damaged.
        """
        return self.arranged(self.as_written(), reading or self.reading())

    def as_written(self) -> list[Record]:
        """Return the last record of each id that files have, as it was written. Raises as `records` does."""
        return [self._read(trial_id, attempts[-1]) for trial_id, attempts in self._attempts().items()]

    def arranged(self, written: Iterable[Record], reading: Reading) -> list[Record]:
        """Return what `records` does, from records as they were written."""
        latest: dict[str, Record] = {}
        for one in written:
            record = reading.resolved(one)
            latest[record.trial.id] = max(latest.get(record.trial.id, record), record, key=_age)
        study = self.study()
        labels = [entry.row_label for entry in study.methods] if study else []
        places = {label: place for place, label in enumerate(labels)}

        def order(record: Record) -> tuple[int, str, str]:
            place = places.get(record.trial.method.label, len(places))
            return place, record.started_at, record.trial_id

        return sorted((row for record in latest.values() for row in reading.rows(record)), key=order)

    def latest(self, trial_id: str) -> Record | None:
        """Return the last record whose files have that id, or None. Raises `InputError` when it is damaged."""
        attempts = self._attempts().get(trial_id)
        return self._read(trial_id, attempts[-1]) if attempts else None

    def attempt(self, trial_id: str, attempt: int) -> Record:
        """Return the record of one attempt. Raises `InputError` when it is missing or damaged."""
        return self._read(trial_id, attempt)

    def next_attempt(self, trial_id: str) -> int:
        """Return the number, from 1, that the next attempt at a trial gets."""
        return (self._attempts().get(trial_id) or [0])[-1] + 1

    def append(
        self, record: Record, items: Sequence[Item] | None, pictures: Sequence[KeptPicture] = ()
    ) -> None:  # fmt: skip
        """Write a record, its answers and pictures, the record last: one that is there is complete.

        Raises `InputError` when the record is already there, and when the disk is full or cannot be written.
        """
        path = self._record_file(record.trial_id, record.attempt)
        taken = f"{path}: this record is already there, and records are never changed; run again for another attempt"
        if path.exists():
            raise InputError(taken)
        with refusing(self.folder, _FREE_SPACE):
            path.parent.mkdir(parents=True, exist_ok=True)
            if items is not None:
                items_file = self.items_file(record)
                items_file.parent.mkdir(parents=True, exist_ok=True)
                # Replaces answers left by a process that was killed before it could write their record.
                write_whole(items_file, items_bytes(record, items))
            if pictures:
                write_pictures(self.pictures_folder(record), pictures)
            try:
                create_whole(path, record.model_dump_json(indent=1).encode())
            except FileExistsError:
                raise InputError(taken) from None

    def items(self, record: Record) -> list[Item]:
        """Return the items behind a record, in the task's order; none where no question was answered.

        Raises `InputError` when the file is missing or damaged.
        """
        return read_items(self.items_file(record), record.trial.task) if record.has_answers else []

    def scores(self, record: Record, metric: str | None = None) -> QuestionScores | None:
        """Return the value of a metric, by default the main one, for each item; None where none is kept, as with
        imported records.

        Raises `InputError` when the file is damaged.
        """
        path = self.items_file(record)
        if record.num_items is None or not path.exists():
            return None
        return read_scores(path, record.trial.task, metric or record.main_metric.name)

    def pictures(self, record: Record) -> list[KeptPicture]:
        """Return the pictures kept with a record; none with a language model's. Raises `InputError` when damaged."""
        return read_pictures(self.pictures_folder(record))

    def pictures_folder(self, record: Record) -> Path:
        """Return where a record's pictures are."""
        return self.folder / "pictures" / f"{record.trial_id}-{record.attempt}"

    def items_file(self, record: Record) -> Path:
        """Return where a record's answers are."""
        return self.folder / "items" / f"{record.trial_id}-{record.attempt}.parquet"

    def adapter_folder(self, trial_id: str, attempt: int) -> Path:
        """Return the folder of what an attempt trained."""
        return self.folder / "adapters" / f"{trial_id}-{attempt}"

    def log_file(self, trial_id: str, attempt: int) -> Path:
        """Return where an attempt's process prints to."""
        return self.folder / "logs" / f"{trial_id}-{attempt}.log"

    def _record_file(self, trial_id: str, attempt: int) -> Path:
        return self.folder / "records" / f"{trial_id}-{attempt}.json"

    def _attempts(self) -> dict[str, list[int]]:
        """Return the attempts at each trial that left a record, in ascending order. Other files do not count."""
        found: dict[str, list[int]] = {}
        for path in sorted((self.folder / "records").glob("*.json")):
            trial_id, dash, attempt = path.stem.rpartition("-")
            if dash and attempt.isdecimal() and not path.name.startswith("."):
                found.setdefault(trial_id, []).append(int(attempt))
        return {trial_id: sorted(attempts) for trial_id, attempts in found.items()}

    def _read(self, trial_id: str, attempt: int) -> Record:
        path = self._record_file(trial_id, attempt)
        try:
            value = json.loads(path.read_text(encoding="utf-8"))
        except OSError as error:
            raise InputError(f"{path}: cannot be read: {error.strerror}; make it readable") from None
        except ValueError as error:
            raise InputError(f"{path}: damaged record ({error}); delete it and run the study again") from None
        if not isinstance(value, dict):
            raise InputError(f"{path}: not a record; move it out of the folder")
        record = read_record(value, str(path))
        if (record.trial_id, record.attempt) != (trial_id, attempt):
            raise InputError(
                f"{path}: holds attempt {record.attempt} at {record.trial_id}; give the file back its name"
            )
        return record


def _age(record: Record) -> tuple[bool, str, int]:
    """Return what orders the attempts at a trial: those whose files have an id of an earlier Paretune come first."""
    return record.trial_id == record.trial.id, record.started_at, record.attempt


def load_records(folder: str | Path) -> Records:
    """Return the latest record of every trial in a study's folder, older layouts lifted to today's.

    The folder may be a URL: its files are fetched first, without checkpoints, and the folder of the records is then
    the mirror. Raises `InputError` when the folder holds no study or a record is damaged.
    """
    store = Store(local_folder(folder))
    if not store.folder.is_dir():
        raise InputError(f"{folder}: no such folder; give the one that was passed to --out")
    records = store.records()
    if not records and store.study() is None:
        raise InputError(f"{folder}: neither study.json nor records in it; give the folder that was passed to --out")
    return Records(records, store.folder)
