"""Which version of a task a study goes on with."""

from collections.abc import Collection

from paretune.spec import InputError, Study, TaskEntry
from paretune.store import Store
from paretune.tasks import get_any_task, task_names, task_versions


def continued(study: Study, store: Store) -> Study:
    """Return the study with the versions of its tasks that the folder's records were made with.

    Records of two versions are not compared, so a study that was begun with an earlier version of a task goes on with
    it, as long as that yields the same data. An entry that names its version is left as it is.
    """
    if not any(entry.version is None and _has_earlier_versions(entry.name) for entry in study.tasks):
        return study
    made: dict[tuple[str, str], set[str | None]] = {}
    for record in store.records():
        task = record.trial.task
        made.setdefault((task.name, task.version), set()).add(task.content_hash)
    entries = tuple(_continued(entry, made) if entry.version is None else entry for entry in study.tasks)
    return study if entries == study.tasks else study.model_copy(update={"tasks": entries})


def _has_earlier_versions(name: str) -> bool:
    return name in task_names() and len(task_versions(name)) > 1


def _continued(entry: TaskEntry, made: dict[tuple[str, str], set[str | None]]) -> TaskEntry:
    if not any(name == entry.name for name, _ in made):
        return entry
    latest, *earlier = task_versions(entry.name)
    if (entry.name, latest) in made:
        return entry
    for version in earlier:
        if _yields(entry, version, made.get((entry.name, version), ())):
            return entry.model_copy(update={"version": version})
    return entry


def _yields(entry: TaskEntry, version: str, hashes: Collection[str | None]) -> bool:
    """Tell whether an earlier version takes the options and yields data with one of the hashes."""
    if not hashes:
        return False
    try:
        task = get_any_task(entry.name, entry.options, version)
        return task.content_hash in hashes or task.earlier_content_hash in hashes
    except InputError:  # options or data of today, of which that version knows nothing
        return False
