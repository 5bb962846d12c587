"""What the page shows of one row when it is opened: how to run it again, its audit, and its records in full."""

import json
import re
from collections.abc import Sequence
from typing import Any

from paretune.analysis import Row
from paretune.report.audit_marks import audit_text, audit_warnings
from paretune.report.html.about import method_settings
from paretune.spec import InputError, MethodEntry, Study, TaskEntry
from paretune.spec.record import summary
from paretune.spec.study_file import study_toml

MOST_ROWS = 1_000
"""Of more rows the page holds values alone, or it would be tens of megabytes."""
MOST_LETTERS = 8_000_000
"""Of all records as JSON, before they are compressed. Beyond it, of each row the first seed's is kept; or none."""


def details_data(rows: Sequence[Row], studies: Sequence[Study]) -> dict[str, Any] | None:
    """Return settings, study file and records of each row, in the order of `rows`; None where there are too many."""
    if len(rows) > MOST_ROWS:
        return None
    records, left_out = _records(rows)
    return {
        "settings": [method_settings(row, study) for row, study in zip(rows, studies, strict=True)],
        "audit": [" ".join([f"{audit_text(row)}.", *audit_warnings(row)]) for row in rows],
        "study": [study_of(row, study) for row, study in zip(rows, studies, strict=True)],
        "records": records,
        "left_out": left_out,
    }


def _records(rows: Sequence[Row]) -> tuple[list[list[dict[str, Any]]], str]:
    """Return the records of each row without their per-step series, as many as there is room for, and what is left."""
    found = [[_plain(summary(record)) for record in row.records] for row in rows]
    if len(json.dumps(found)) <= MOST_LETTERS:
        return found, ""
    first = [one[:1] for one in found]
    if len(json.dumps(first)) <= MOST_LETTERS:
        return first, "Records of further seeds are in the folder of the study."
    return [[] for _ in rows], "The records are in the folder of the study."


def _plain(value: dict[str, Any]) -> dict[str, Any]:
    """Return a record's JSON without numbers that JSON does not have."""
    text = json.dumps(value)
    found: dict[str, Any] = json.loads(text, parse_constant=str)
    return found


def study_of(row: Row, study: Study) -> str:
    """Return a study file that runs a row's trials again, with what its first seed says; empty where that is not known.

    Imported results were made by another program.
    """
    record = row.records[0]
    trial = record.trial
    task = next((one for one in study.tasks if one.name == trial.task.name), None)
    if record.imported is not None or task is None:
        return ""
    entry = next((one for one in study.methods if one.row_label == trial.method.label), None)
    method = MethodEntry(
        name=entry.name if entry else trial.method.name,
        label=trial.method.label,
        parameters=trial.method.parameters
        if trial.method.implementation != "base"
        else entry.parameters
        if entry
        else {},
        recipe=entry.recipe if entry else {},
    )
    name = re.sub(r"[^\w.-]+", "-", f"{study.name}-{trial.method.label}").strip("-")[:100] or "row"
    try:
        return study_toml(
            Study(
                name=name,
                base_model=trial.base_model,
                tasks=(TaskEntry(**task.model_dump()),),
                methods=(method,),
                learning_rates=() if trial.learning_rate is None else (trial.learning_rate,),
                seeds=row.seeds,
                recipe=study.recipe,
                general_text=study.general_text,
                skills=study.skills,
                time_limit_seconds=study.time_limit_seconds,
            )
        )
    except (InputError, ValueError):
        return ""
