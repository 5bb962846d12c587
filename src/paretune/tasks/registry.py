"""From a name to a task."""

from collections.abc import Mapping
from typing import Any

from paretune.plugins import plugin_classes
from paretune.spec import InputError, TaskCard, TaskSpec, nearest
from paretune.tasks.base import AnyTask, Task
from paretune.tasks.captions import Captions
from paretune.tasks.code_problems import CodeProblems
from paretune.tasks.gsm8k import Gsm8k
from paretune.tasks.harness import PREFIX, lm_eval_task
from paretune.tasks.human_eval import HumanEval
from paretune.tasks.image_concept import ImageConcept
from paretune.tasks.own_data import OwnData
from paretune.tasks.own_data_v1 import OwnDataV1
from paretune.tasks.own_labels import OwnLabels
from paretune.tasks.sentiment import Sentiment
from paretune.tasks.visual_questions import VisualQuestions
from paretune.tasks.word_problems import WordProblems

PLUGIN_GROUP = "paretune.tasks"
"""Entry points of this group name subclasses of `Task`, `ClassificationTask`, `ImageTask` or the task of a plug-in's
kind."""

_OWN: tuple[type[AnyTask], ...] = (
    WordProblems,
    Gsm8k,
    OwnData,
    OwnLabels,
    ImageConcept,
    Sentiment,
    CodeProblems,
    HumanEval,
    VisualQuestions,
    Captions,
)
_EARLIER: tuple[type[AnyTask], ...] = (OwnDataV1,)
"""Earlier versions of tasks: what was begun with one goes on with it."""


def get_any_task(name: str, options: Mapping[str, Any] | None = None, version: str | None = None) -> AnyTask:
    """Return the task, of its latest version unless an earlier one is named.

    Raises `InputError` with the nearest name or option for one that does not exist.
    """
    return task_class(name, version)(options)


def task_of(spec: TaskSpec) -> AnyTask:
    """Return the task that a trial was planned with, in the version of then where it is still there."""
    kept = spec.version if spec.version in task_versions(spec.name) else None
    return get_any_task(spec.name, spec.options, kept)


def task_versions(name: str) -> list[str]:
    """Return the versions of a task that can be run, the latest first. Raises `InputError` for an unknown name."""
    return [task_class(name).card.version, *(task.card.version for task in _EARLIER if task.card.name == name)]


def get_task(name: str, options: Mapping[str, Any] | None = None) -> Task:
    """Return a task in words. Raises `InputError` as `get_any_task` does, and for one that no text answers."""
    return get_any_task(name, options).in_words()


def task_names() -> list[str]:
    """Return the names of all tasks, plug-ins last."""
    return list(_all())


def task_cards() -> list[TaskCard]:
    """Return what a person should know about each task."""
    return [task.card for task in _all().values()]


def task_class(name: str, version: str | None = None) -> type[AnyTask]:
    """Return the class of a task, by default of its latest version.

    Raises `InputError` with the nearest name for one that does not exist, and for a version that does not. Whether
    lm-eval has a task shows when one is made.
    """
    known = _all() | ({name: lm_eval_task(name)} if name.startswith(PREFIX) else {})
    if name not in known:
        raise InputError(f'unknown task "{name}"{nearest(name, known)}; "paretune tasks" lists them all')
    versions = [known[name], *(task for task in _EARLIER if task.card.name == name)]
    for task in versions:
        if version in {None, task.card.version}:
            return task
    there = ", ".join(task.card.version for task in versions)
    raise InputError(f'task "{name}": no version "{version}"; there is: {there}')


def _all() -> dict[str, type[AnyTask]]:
    tasks: dict[str, type[AnyTask]] = {task.card.name: task for task in _OWN}
    return tasks | plugin_classes(PLUGIN_GROUP, AnyTask, tasks)  # type: ignore[type-abstract]
