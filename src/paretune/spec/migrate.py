"""Lifts records of older layouts to today's, one function per version step."""

import re
from collections.abc import Callable
from typing import Any

from paretune.spec.errors import InputError
from paretune.spec.record import SCHEMA_VERSION, Record


def read_record(value: dict[str, Any], where: str) -> Record:
    """Return the record held in parsed JSON of any version up to today's.

    Raises `InputError`, opening with `where`, when it is no record or comes from a newer Paretune.
    """
    version = value.get("schema_version")
    if not isinstance(version, int) or version < 1:
        raise InputError(f"{where}: not a record (no schema_version); move it out of the folder")
    if version > SCHEMA_VERSION:
        raise InputError(f"{where}: made by a newer Paretune (schema {version}, this one reads up to {SCHEMA_VERSION})")
    while version < SCHEMA_VERSION:
        value = _STEPS[version](value)
        version += 1
    return Record.read(value | {"schema_version": SCHEMA_VERSION}, where)


def _from_1(value: dict[str, Any]) -> dict[str, Any]:
    """Version 1 called one attempt's number `try`, and had a single `peak_bytes` for training."""
    lifted = dict(value)
    lifted["attempt"] = lifted.pop("try", 1)
    metrics = dict(lifted.get("metrics", {}))
    if "peak_bytes" in metrics:
        metrics["train_peak_bytes"] = metrics.pop("peak_bytes")
    lifted["metrics"] = metrics
    return lifted


def _from_2(value: dict[str, Any]) -> dict[str, Any]:
    """Version 2 counted a label and where data lies as parts of a trial, and said a hub's commit in a note only.

    Of image models it said that methods are evaluated with batch size 1, which they never were.
    """
    trial, provenance = value.get("trial"), value.get("provenance")
    if not isinstance(trial, dict):
        return value
    trial, task = dict(trial), trial.get("task")
    if isinstance(task, dict):
        trial["task"] = {**task, "locations": _LOCATIONS.get(str(task.get("name")), [])}
    name, _, revision = str(trial.get("base_model")).partition("@")
    note = str(provenance.get("model_note")) if isinstance(provenance, dict) else ""
    commit = re.fullmatch(f"revision {re.escape(revision)} was commit ([0-9a-f]+)", note)
    if name.startswith("hub:") and commit:
        trial["base_content"] = f"{name}@{commit[1]}"
    audit, recipe = value.get("audit"), trial.get("recipe")
    if isinstance(audit, dict) and isinstance(recipe, dict) and recipe.get("image") is not None:
        value = {**value, "audit": {**audit, "answered_alone": False}}
    return {**value, "trial": trial}


_LOCATIONS = {
    "own_data": ["path", "validation_path", "test_path"],
    "gsm8k": ["train", "validation", "test"],
    "image_concept": ["pictures"],
}
"""The options of tasks that said where data lies, in version 2."""

_STEPS: dict[int, Callable[[dict[str, Any]], dict[str, Any]]] = {1: _from_1, 2: _from_2}
