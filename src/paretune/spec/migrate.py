"""Lifts records of older layouts to today's, one function per version step."""

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


_STEPS: dict[int, Callable[[dict[str, Any]], dict[str, Any]]] = {1: _from_1}
