"""A copy of a study's folder for everybody: the same records, without what is local or somebody's own."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from paretune.interop.hub.local_names import LocalNames
from paretune.spec import InputError, Reading, Record, Study, StudyPlan, TaskSpec
from paretune.store import Item, Store, keep_plan, read_plan
from paretune.tasks import task_class


class PublicCopy(NamedTuple):
    """What was written, and what of it is not as it was."""

    study: Study
    records: Sequence[Record]
    """The last record of each trial, tuning trials too, as they were written."""
    with_answers: bool
    withheld: Sequence[str]
    """Tasks on data of somebody's own, whose questions, answers and references were left out."""


def records_to_publish(store: Store) -> tuple[Study, list[Record]]:
    """Return the study of a folder and its records. Raises `InputError` where one of them is missing or damaged."""
    if not store.folder.is_dir():
        raise InputError(f"{store.folder}: no such folder; give the one that was passed to --out")
    study, records = store.study(), store.as_written()
    if study is None:
        raise InputError(f"{store.folder}: no study.json here; give the folder that was passed to --out")
    if not records:
        raise InputError(f"{store.folder}: no records in it yet; run the study first")
    return study, records


def write_public_store(store: Store, target: Path, names: LocalNames, *, own_data: bool) -> PublicCopy:
    """Write records, answers, study and plan to another folder, which can be read as a study's folder is.

    `names` are taken out. Unless `own_data`, texts of tasks on a person's own data are empty and their clusters
    numbered. Raises `InputError` when the folder holds no records, is damaged, or the target cannot be written.
    """
    study, records = records_to_publish(store)
    public = Store(target)
    target.mkdir(parents=True, exist_ok=True)
    shown = [Record.read(names.removed(record.model_dump(mode="json")), str(store.folder)) for record in records]
    with_answers, clusters = False, dict[str, str]()
    public_study = Study.read(names.removed(study.model_dump(mode="json")), str(store.folder))
    public.keep_study(public_study)
    public.keep_reading(Reading.read(names.removed(store.reading().model_dump(mode="json")), str(store.folder)))
    plan = read_plan(store.folder)
    if plan is not None:
        keep_plan(target, StudyPlan.read(names.removed(plan.model_dump(mode="json")), str(store.folder)))
    for record, public_record in zip(records, shown, strict=True):
        items = answers_of(store, record)
        if items is not None and not own_data and holds_own_data(record.trial.task):
            items = [_scores_alone(item, names, clusters) for item in items]
        public.append(public_record, items)
        with_answers |= items is not None
    tasks = {record.trial.task.name for record in records if holds_own_data(record.trial.task)}
    return PublicCopy(public_study, shown, with_answers, [] if own_data else sorted(tasks))


def holds_own_data(task: TaskSpec) -> bool:
    """Tell whether any of a task's data lies elsewhere than where the task itself says. An unknown task's may."""
    if not task.locations:
        return False
    try:
        usual = task_class(task.name).default_options
    except InputError:
        return True
    given = {name: task.options.get(name) for name in task.locations}
    return any(place is not None and place != usual.get(name) for name, place in given.items())


def answers_of(store: Store, record: Record) -> list[Item] | None:
    """Return the answers behind a record, None where they are not kept. Raises `InputError` when they are damaged."""
    return store.items(record) if record.has_answers and store.items_file(record).exists() else None


def _scores_alone(item: Item, names: LocalNames, clusters: dict[str, str]) -> Item:
    """Return an item without its texts. Its cluster, which may name a customer, becomes a number."""
    cluster = None if item.cluster is None else clusters.setdefault(item.cluster, f"cluster {len(clusters) + 1}")
    return item._replace(item_id=names.text(item.item_id), text="", target="", cluster=cluster)
