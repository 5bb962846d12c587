"""Which task a person's own data is put to: the model decides, unless the person does."""

from collections.abc import Mapping
from typing import Any

from paretune.spec import EMBEDDED_ENCODER, EMBEDDED_MODEL, InputError

OWN_TASKS = ("own_data", "own_labels")
"""What `--task` may say with `--data`: labels that are written as text, or that a head gives."""
_OF_TEXTS = ("prompt", "completion", "choices", "image_column", "metric", "chat_template")
"""Options that only texts to be written have."""


def option_name(option: str) -> str:
    """Return how the command line calls an option of own data."""
    return "--no-chat-template" if option == "chat_template" else f"--{option.replace('_', '-')}"


def own_task(task: str | None, model: str | None) -> str:
    """Return the name of the task that own data is put to.

    A model that only reads, such as an encoder, is given a head; one that writes is not, unless `task` says so. Raises
    `InputError` for a task that does not read own data.
    """
    if task is not None and task not in OWN_TASKS:
        raise InputError(
            f"--data and --task {task} exclude each other: your data is a task of its own; --task own_labels gives the "
            "model a head for labels"
        )
    return task or ("own_labels" if model is not None and _only_reads(model) else "own_data")


def own_model(task: str) -> str:
    """Return the base model where none is named: one that goes with the task."""
    return EMBEDDED_ENCODER if task == "own_labels" else EMBEDDED_MODEL


def own_entry(task: str, data: str, options: Mapping[str, Any]) -> dict[str, Any]:
    """Return the task as a study has it. Raises `InputError` for options that only texts to be written have."""
    strange = [name for name in _OF_TEXTS if name in options]
    if task == "own_labels" and strange:
        names = ", ".join(map(option_name, strange))
        if {"prompt", "completion"} & set(strange):
            mend = "name the columns with --text and --label"
        else:
            mend = "such options belong to the task own_data, for models that write text"
        raise InputError(f"{names}: a head reads texts and gives labels; {mend}")
    return {"name": task, "options": {"path": data, **options}}


def _only_reads(model: str) -> bool:
    """Tell whether a base model writes no text. What cannot be had is told later, with everything else."""
    from paretune.models.shapes import only_reads, shape_at_hand

    try:
        return only_reads(shape_at_hand(model).config)
    except InputError:
        return False
