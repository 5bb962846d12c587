"""Questions of tasks for pages: read again, since records hold answers and not what was asked."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from paretune.spec import InputError, Record, TaskSpec

if TYPE_CHECKING:
    from paretune.tasks import AnyTask


class TasksAtHand:
    """The tasks of records, each read once, as far as their data is here and has not changed since."""

    def __init__(self) -> None:
        self._found: dict[str, AnyTask | None] = {}

    def prompts(self, record: Record) -> Mapping[str, str]:
        """Return the questions of a record's task by their ids; none where the data is not at hand."""
        task = self._task(record.trial.task)
        return {} if task is None else task.questions(record.trial.split)

    def images(self, record: Record) -> Mapping[str, bytes]:
        """Return the images that a record's task asks about by the ids of the questions, likewise."""
        task = self._task(record.trial.task)
        return {} if task is None else task.question_images(record.trial.split)

    def _task(self, spec: TaskSpec) -> "AnyTask | None":
        key = spec.canonical_json()
        if key not in self._found:
            self._found[key] = _read(spec)
        return self._found[key]


def _read(spec: TaskSpec) -> "AnyTask | None":
    from paretune.tasks import task_of

    places = [str(spec.options.get(name)) for name in spec.locations]
    if any(place.startswith(("hub:", "hf:")) for place in places):
        return None
    try:
        task = task_of(spec)
        return task if task.content_hash == spec.content_hash else None
    except InputError:
        return None
