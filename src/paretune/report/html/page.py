"""The page of a study: one HTML file that needs no network."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from paretune.analysis import Answers, Row, judged_rows, no_answers
from paretune.analysis.decisions.capabilities import known_capabilities
from paretune.analysis.table.floor import Floor, floor_notes
from paretune.analysis.table.rows import best_first
from paretune.analysis.table.scored import declared_metrics, main_metric, main_metrics
from paretune.interop.peft_layout import UNSTATED
from paretune.models.known_packages import PACKAGES
from paretune.report.amounts import power_notes, training_notes
from paretune.report.audit_marks import AUDIT_MARK, audit_notes, audit_text, failed_checks
from paretune.report.cost import cost_line
from paretune.report.curves import curves_of
from paretune.report.devices import devices_text
from paretune.report.estimates import TITLE, estimate_cells
from paretune.report.format import MISSING, plain, rate
from paretune.report.html.chart import chart_bundle, chart_specs
from paretune.report.html.clocks import clock_sections
from paretune.report.html.curves_page import curve_specs, curves_section
from paretune.report.html.data_section import data_section
from paretune.report.html.gallery import Pictures, gallery_section, no_pictures
from paretune.report.html.limits import capability_names, limited_metrics, limits_data
from paretune.report.html.page_data import metric_data, packed, rows_data
from paretune.report.html.page_table import further_columns, table_columns, table_rows, view_key
from paretune.report.html.samples import Answered, Prompts, no_prompts, none_answered, samples_section
from paretune.report.html.template import asset, script, template
from paretune.report.standing_marks import FRONT_RULE
from paretune.report.wording import (
    TIED_NOTE,
    claim_notes,
    column_notes,
    departures,
    interval_note,
    notes,
    untrained_notes,
)
from paretune.spec import COSTS, METRICS, DataReport, Metric, Recipe, Record, Study, StudyPlan
from paretune.spec.memory import MemoryEstimate
from paretune.store.atomic import write_whole

_NOT_EVERYWHERE = {
    "accuracy", "accuracy_lenient", "accuracy_published", "similarity", "drift", "train_peak_reserved_bytes",
}  # fmt: skip
_WRITTEN = 100
"""Rows that stand in the file as HTML, for readers without JavaScript; the script has all of them."""
_SUMMARY = 160
"""Longer parameters of a method are folded: AdaLoRA's ranks, once learned, fill pages."""


class PageSources(NamedTuple):
    """What a page is made of besides records and study, as far as it is at hand."""

    answers: Answers = no_answers
    plan: StudyPlan | None = None
    """Of a tuned study: then the page shows the response curves."""
    estimates: Sequence[MemoryEstimate] = ()
    """Predictions of memory, which get a table of their own."""
    pictures: Pictures = no_pictures
    answered: Answered = none_answered
    prompts: Prompts = no_prompts
    floor: Floor | None = None
    """What rows must reach to lie on a Pareto front, by default the base model's main metric."""
    data: Sequence[DataReport] = ()
    """Reports on a person's own data: what became of the rows."""


_NOTHING_BESIDES = PageSources()


def write_page(
    records: Sequence[Record], study: Study, path: str | Path, sources: PageSources = _NOTHING_BESIDES
) -> None:  # fmt: skip
    """Write the page of a study, at once or not at all. Folders on the way to it are made.

    The file holds everything it needs, about 1 MB and what its pictures take, and is forbidden to load anything. Text
    from records and study is escaped. Raises `OSError` when it cannot be written.
    """
    target = Path(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    write_whole(target, render_page(records, study, sources).encode())


def render_page(records: Sequence[Record], study: Study, sources: PageSources = _NOTHING_BESIDES) -> str:
    """Return the page as HTML."""
    plan, floor = sources.plan, sources.floor
    curves = curves_of(records, plan) if plan else []
    final = [record for record in records if not record.trial.tunes]
    rows = judged_rows(final, sources.answers, records, floor)
    best, columns = sorted(rows, key=best_first), table_columns(rows)
    mains, known = main_metrics(rows), known_capabilities(records)
    specs = {metric.name: chart_specs([row for row in rows if row.quality == metric.name]) for metric in mains}
    drawn = {cost for found in specs.values() for cost in found}
    return template("page.html").render(
        study=study,
        tied_note=TIED_NOTE,
        front_rule=FRONT_RULE,
        support=" ".join(claim_notes(final, rows)),
        notes=[
            *untrained_notes(rows),
            *interval_note(rows),
            *training_notes(rows),
            *power_notes(rows),
            *map(plain, floor_notes(rows, floor)),
            *audit_notes(rows),
            *notes(final, rows),
        ],
        facts=[*_facts(records, study, rows), *_time(records)],
        curves=curves_section(curves, plan) if plan else "",
        samples=samples_section(rows, sources.answered, sources.prompts, sources.pictures),
        data_reports=data_section(sources.data),
        gallery=gallery_section(rows, sources.pictures),
        views=_views(rows),
        columns=columns,
        parts=" ".join(note for heading, note in column_notes(rows).items() if heading != "Forgetting"),
        rows=table_rows(first := best[:_WRITTEN], columns, study),
        num_left=len(rows) - len(first),
        costs=[METRICS[cost] for cost in COSTS if cost in drawn],
        imported=(imported := any(row.records[0].imported for row in rows)),
        has_intervals=any(row.quality_interval for row in rows),
        has_spreads=any(row.quality in row.spreads for row in rows),
        recipe=_recipe(study.recipe, rows, imported),
        methods=[_method(row, study) for row in _one_per_method(rows)],
        explained={metric.name for metric in legend_metrics(rows)},
        metrics=[metric for metric in legend_metrics(rows) if _shown(rows, metric)],
        checks=failed_checks(rows),
        main={
            "names": [metric.name for metric in mains],
            "label": " or ".join(metric.label for metric in mains),
            "words": " or ".join(metric.words for metric in mains),
        },
        clocks=clock_sections(rows),
        estimates_title=TITLE,
        estimates=[estimate_cells(one, _measured_bytes(rows, one.method)) for one in sources.estimates],
        audit_mark=AUDIT_MARK,
        style=asset("page.css"),
        script=script(),
        bundle=chart_bundle() if drawn or curves else "",
        data=script_json(
            {
                "specs": specs,
                "curves": curve_specs(curves, plan) if plan else [],
                "views": _views(rows),
                "metrics": list(map(metric_data, measured := _measured_metrics(rows))),
                "limited": limited_metrics(rows),
                "capabilities": (names := capability_names(rows, known)),
                "fit": limits_data(best, sources.answers, known, study, names),
                "words": {"tied": TIED_NOTE.capitalize(), "front": front_note(mains), "audit_mark": AUDIT_MARK},
                "rows": packed(
                    rows_data(best, [*columns, *further_columns(rows, columns)], len(columns), study, measured)
                ),
            }
        ),
    )


def script_json(value: object) -> str:
    """Return a value as JSON that may stand inside a script element: no text in it can end the element."""
    text = json.dumps(value, ensure_ascii=False, allow_nan=False)
    for letter in "<>&\u2028\u2029":
        text = text.replace(letter, f"\\u{ord(letter):04x}")
    return text


def _views(rows: Sequence[Row]) -> list[dict[str, str]]:
    """Return the tasks, and splits, that the reader chooses from."""
    keys = dict.fromkeys((row.task, row.split) for row in rows)
    return [
        {
            "key": view_key(*key),
            "label": f"{key[0]}, {key[1]} split",
            "main": main_metric([row for row in rows if (row.task, row.split) == key]).name,
        }
        for key in keys
    ]


def front_note(mains: Sequence[Metric]) -> str:
    """Return what the mark of the front says."""
    words = " or ".join(metric.words for metric in mains)
    return f"On the Pareto front of {words} and the chosen cost, with its probability"


def _measured_metrics(rows: Sequence[Row]) -> list[Metric]:
    """Return every metric that a row has a value of, what tasks score first."""
    return [metric for metric in legend_metrics(rows) if any(metric.name in row.metrics for row in rows)]


def _measured_bytes(rows: Sequence[Row], method: str) -> float | None:
    """Return the most training memory that this study measured for a method; None where it did not."""
    found = [row.metrics.get("train_peak_bytes") for row in rows if row.method == method]
    return max((peak for peak in found if peak is not None), default=None)


def _facts(everything: Sequence[Record], study: Study, rows: Sequence[Row]) -> list[tuple[str, str]]:
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


def _time(records: Sequence[Record]) -> list[tuple[str, str]]:
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


def _shown(rows: Sequence[Row], metric: Metric) -> bool:
    """Tell whether the legend needs a metric: not what only some tasks or other people's results have, without them."""
    everywhere = metric.phase is not None and metric.name not in _NOT_EVERYWHERE and metric.name in METRICS
    return everywhere or any(metric.name in row.metrics for row in rows)


def _recipe(recipe: Recipe, rows: Sequence[Row], imported: bool) -> list[tuple[str, object, str]]:
    """Return the fields of a recipe, each with its meaning. Of an imported one those that its source states.

    Where it counts epochs, the steps that they are for the tasks of these rows are shown too.
    """
    hidden = {name for name in UNSTATED if imported and getattr(recipe, name) == Recipe.model_fields[name].default}
    hidden |= {name for name in ("epochs", "min_steps", "max_steps", "image") if getattr(recipe, name) is None}
    fields = {name: field for name, field in Recipe.model_fields.items() if name not in hidden}
    values = {name: _setting(getattr(recipe, name)) for name in fields}
    sizes = {record.num_train_examples for row in rows for record in row.records} - {None}
    if recipe.epochs is not None:
        values["steps"] = ", ".join(map(str, sorted({recipe.for_examples(size).steps for size in sizes}))) or MISSING
    return [(name, values[name], field.description or "") for name, field in fields.items()]


def _setting(value: object) -> object:
    """Return the value of a setting as a reader writes it: a dash for none, yes and no for a switch."""
    return MISSING if value is None else {True: "yes", False: "no"}[value] if isinstance(value, bool) else value


def _one_per_method(rows: Sequence[Row]) -> list[Row]:
    """Return the first row of every method as it was built and trained, across tasks and learning rates."""
    found: dict[tuple[str, Recipe], Row] = {}
    for row in rows:
        trial = row.records[0].trial
        found.setdefault((trial.method.canonical_json(), trial.recipe), row)
    return list(found.values())


def _method(row: Row, study: Study) -> dict[str, Any]:
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
