"""Studies made of peft's experiment folders, and options that put other data under a study without a file."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from paretune.spec import GeneralText, InputError, Study

BUILT_IN = "built-in"
"""Names the passages that come with Paretune, on the command line."""


def study_of_experiments(
    folder: Path,
    *,
    model: str | None,
    task_options: dict[str, Any],
    general_text: str | None,
) -> Study:
    """Return the study that peft's experiments under a folder are, with what the command line puts in their place."""
    from paretune.interop.importers import study_from_experiments

    study = study_from_experiments(folder)
    task = study.tasks[0].model_copy(update={"options": {**study.tasks[0].options, **task_options}})
    changes: dict[str, Any] = {"tasks": (task,)}
    if model is not None:
        changes["base_model"] = model
    if general_text is not None:
        changes["general_text"] = general_text_from(general_text)
    values = {name: getattr(study, name) for name in Study.model_fields}
    return Study.read(values | changes, "the options")


def general_text_from(option: str) -> GeneralText | None:
    """Return the text that `--general-text` names: a file, a file on the hub, or None for the passages built in.

    Of a file, the first 100 texts of at least 200 characters are read, up to 768 tokens each.
    """
    return None if option == BUILT_IN else GeneralText(source=option, min_characters=200)


def task_options_from(pairs: Sequence[str]) -> dict[str, Any]:
    """Return the options given as NAME=VALUE; a value is JSON where it can be read as such, and otherwise text."""
    options: dict[str, Any] = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not (name and equals):
            raise InputError(f"--task-option {pair}: write NAME=VALUE, for example test_size=100")
        try:
            options[name] = json.loads(value)
        except json.JSONDecodeError:
            options[name] = value
    return options
