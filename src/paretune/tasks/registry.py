"""From a name to a task."""

from collections.abc import Mapping
from typing import Any

from paretune.plugins import plugin_classes
from paretune.spec import DIFFUSION, InputError, TaskCard, nearest
from paretune.tasks.base import AnyTask, Task
from paretune.tasks.gsm8k import Gsm8k
from paretune.tasks.image_concept import ImageConcept
from paretune.tasks.own_data import OwnData
from paretune.tasks.word_problems import WordProblems

PLUGIN_GROUP = "paretune.tasks"
"""Entry points of this group name subclasses of `Task`, `ClassificationTask`, `ImageTask` or the task of a plug-in's
kind."""

_OWN: tuple[type[AnyTask], ...] = (WordProblems, Gsm8k, OwnData, ImageConcept)


def get_any_task(name: str, options: Mapping[str, Any] | None = None) -> AnyTask:
    """Return the task. Raises `InputError` with the nearest name or option for one that does not exist."""
    return task_class(name)(options)


def get_task(name: str, options: Mapping[str, Any] | None = None) -> Task:
    """Return a task in words. Raises `InputError` as `get_any_task` does, and for one that no text answers."""
    task = get_any_task(name, options)
    if not isinstance(task, Task):
        answers = "images" if task.kind == DIFFUSION else "no text"
        raise InputError(f'task "{name}": its answers are {answers}, and a text task is needed here')
    return task


def task_names() -> list[str]:
    """Return the names of all tasks, plug-ins last."""
    return list(_all())


def task_cards() -> list[TaskCard]:
    """Return what a person should know about each task."""
    return [task.card for task in _all().values()]


def task_class(name: str) -> type[AnyTask]:
    """Return the class of a task. Raises `InputError` with the nearest name for one that does not exist."""
    known = _all()
    if name not in known:
        raise InputError(f'unknown task "{name}"{nearest(name, known)}; "paretune tasks" lists them all')
    return known[name]


def _all() -> dict[str, type[AnyTask]]:
    tasks: dict[str, type[AnyTask]] = {task.card.name: task for task in _OWN}
    return tasks | plugin_classes(PLUGIN_GROUP, AnyTask, tasks)  # type: ignore[type-abstract]
