"""How a study was made, for its page: facts, recipe, settings of each method, definitions."""

import json
from collections.abc import Sequence
from typing import Any

from paretune.analysis import Row
from paretune.analysis.table.scored import declared_metrics, main_metrics
from paretune.interop.peft_layout import UNSTATED
from paretune.models.known_packages import PACKAGES
from paretune.report.audit_marks import audit_text
from paretune.report.cost import cost_line
from paretune.report.devices import devices_text
from paretune.report.format import MISSING, plain, rate
from paretune.report.wording import departures
from paretune.spec import METRICS, Metric, Recipe, Record, Study

_NOT_EVERYWHERE = {
    "accuracy", "accuracy_lenient", "accuracy_published", "similarity", "drift", "train_peak_reserved_bytes",
}  # fmt: skip
_SUMMARY = 160
"""Longer parameters of a method are folded: AdaLoRA's ranks, once learned, fill pages."""


def study_facts(everything: Sequence[Record], study: Study, rows: Sequence[Row]) -> list[tuple[str, str]]:
    """Return what a reader wants to know of a study first, as names and texts; what is not known is left out."""
    records = [record for record in everything if not record.trial.tunes]
    num_tuning = len(everything) - len(records)
    made = [record.provenance for record in records if record.provenance]
    questions = sorted({record.num_items for record in records if record.num_items})
    packages = sorted({f"{name} {version}" for one in made for name, version in one.packages.items()})
    ok = sum(record.outcome.kind == "ok" for record in records)
    trials = f"{len(records)}" + ("" if ok == len(records) else f", of which {ok} ended well")
    if num_tuning:
        trials += f" final, and {num_tuning} for tuning"
    facts = [
        ("Base model", _base_model(study.base_model)),
        ("Tasks", ", ".join(dict.fromkeys(row.task for row in rows))),
        (f"Test {main_metrics(rows)[0].items}", ", ".join(map(str, questions))),
        ("Trials", trials),
        ("Seeds", ", ".join(map(str, sorted({record.trial.seed for record in records})))),
        ("Device", devices_text(everything)),
        ("Platform", "; ".join(dict.fromkeys(one.platform for one in made))),
        ("Packages", ", ".join(packages)),
    ]
    return [(name, plain(text)) for name, text in facts if text]


def part_facts(records: Sequence[Record], study: Study, rows: Sequence[Row]) -> list[tuple[str, str]]:
    """Return the facts of a study, with what its trials took."""
    return [*study_facts(records, study, rows), *time_facts(records)]


def time_facts(records: Sequence[Record]) -> list[tuple[str, str]]:
    """Return what the trials took, where it is known."""
    line = cost_line(records)
    return [] if line is None else [("Time", line)]


def _base_model(reference: str) -> str:
    """Return a reference with the name that people know, where it is a package's."""
    for package in PACKAGES.values():
        if package.shape and reference == f"pypi:{package.name}=={package.version}":
            return f"{package.shape} ({reference})"
    return reference


def legend_metrics(rows: Sequence[Row]) -> list[Metric]:
    """Return what the legend may explain: what tasks score, and what Paretune measures itself."""
    scored = {metric.name: metric for metric in (*main_metrics(rows), *declared_metrics(rows))}
    return list((scored | {name: metric for name, metric in METRICS.items() if name not in scored}).values())


def is_explained(rows: Sequence[Row], metric: Metric) -> bool:
    """Tell whether the legend needs a metric: not what only some tasks or other people's results have, without them."""
    everywhere = metric.phase is not None and metric.name not in _NOT_EVERYWHERE and metric.name in METRICS
    return everywhere or any(metric.name in row.metrics for row in rows)


def recipe_fields(recipe: Recipe, rows: Sequence[Row], imported: bool) -> list[tuple[str, object, str]]:
    """Return the fields of a recipe, each with its meaning. Of an imported one those that its source states.

    Where it counts epochs, the steps that they are for the tasks of these rows are shown too.
    """
    hidden = {name for name in UNSTATED if imported and getattr(recipe, name) == Recipe.model_fields[name].default}
    hidden |= {
        name for name in ("epochs", "min_steps", "max_steps", "image", "sharding") if getattr(recipe, name) is None
    }
    fields = {name: field for name, field in Recipe.model_fields.items() if name not in hidden}
    values = {name: _setting(getattr(recipe, name)) for name in fields}
    sizes = {record.num_train_examples for row in rows for record in row.records} - {None}
    if recipe.epochs is not None:
        values["steps"] = ", ".join(map(str, sorted({recipe.for_examples(size).steps for size in sizes}))) or MISSING
    return [(name, values[name], field.description or "") for name, field in fields.items()]


def _setting(value: object) -> object:
    """Return the value of a setting as a reader writes it: a dash for none, yes and no for a switch."""
    return MISSING if value is None else {True: "yes", False: "no"}[value] if isinstance(value, bool) else value


def one_per_method(rows: Sequence[Row]) -> list[Row]:
    """Return the first row of every method as it was built and trained, across tasks and learning rates."""
    found: dict[tuple[str, Recipe], Row] = {}
    for row in rows:
        trial = row.records[0].trial
        found.setdefault((trial.method.canonical_json(), trial.recipe), row)
    return list(found.values())


def method_settings(row: Row, study: Study) -> dict[str, Any]:
    """Return how a row's method was built and trained, and what its audit found, as texts."""
    trial = row.records[0].trial
    none_set = "the library's defaults" if trial.method.peft_type else MISSING
    parameters = json.dumps(trial.method.parameters, ensure_ascii=False)[1:-1] or none_set
    return {
        "label": plain(row.method),
        "peft_type": trial.method.peft_type or MISSING,
        "rate": rate(row.learning_rate),
        "parameters": parameters,
        "summary": parameters[:_SUMMARY] if len(parameters) > _SUMMARY else "",
        "dtypes": ", ".join(row.records[0].trainable_dtypes),
        "departures": [
            f"{name} = {own} instead of {common}" for name, (common, own) in departures(row, study.recipe).items()
        ],
        "audit": audit_text(row),
    }
