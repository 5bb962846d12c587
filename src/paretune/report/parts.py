"""The named parts of a task's test questions, in words."""

from collections.abc import Iterable

from paretune.report.format import plain
from paretune.spec import InputError


def part_meaning(task: str, part: str) -> str | None:
    """Return what a part of the test questions holds: "from templates that ..."; None where the task does not say."""
    from paretune.tasks import task_class

    try:
        return task_class(task).card.parts.get(part)
    except InputError:  # a task of a plug-in that is not installed here
        return None


def parts_note(task: str, parts: Iterable[str], what: str, items: str) -> str:
    """Return what the column with values for parts of a task's test questions shows. `what` is the value's name."""
    names = [*parts]
    found = {name: part_meaning(task, name) for name in names}
    known = "; ".join(f"{name}: {meaning}" for name, meaning in found.items() if meaning)
    head = f"{'/'.join(names)}: {what} on parts of the test {items}"
    return plain(f"{head} ({known or f'see: paretune tasks {task}'}). {_held_out(items)}")


def part_definition(tasks: Iterable[str], part: str, what: str, items: str) -> str:
    """Return the same for the column of one part."""
    names = dict.fromkeys(tasks)
    found = dict.fromkeys(meaning for task in names if (meaning := part_meaning(task, part)))
    where = " or ".join(found) or f"see {' or '.join(f'paretune tasks {task}' for task in names)}"
    head = f"{what} on the part of the test {items} that is called {part}: {where}"
    return plain(f"{head}. {_held_out(items)}")


def _held_out(items: str) -> str:
    return f"No test {items.removesuffix('s')} itself is in the training data."
