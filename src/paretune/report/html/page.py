"""The page of a study: one HTML file that needs no network."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from paretune.analysis import Answers, Row, judged_rows, no_answers
from paretune.analysis.table.floor import Floor, baseline_names, floor_notes
from paretune.analysis.table.rows import best_first
from paretune.analysis.table.scored import items_of, main_metric, main_metrics
from paretune.report.amounts import power_notes, training_notes
from paretune.report.audit_marks import AUDIT_MARK, audit_notes, failed_checks
from paretune.report.curves import curves_of
from paretune.report.decisions import CLEARLY, COMPARED
from paretune.report.estimates import TITLE, estimate_cells
from paretune.report.format import plain
from paretune.report.html.about import (
    is_explained,
    legend_metrics,
    method_settings,
    one_per_method,
    part_facts,
    recipe_fields,
)
from paretune.report.html.chart import chart_bundle, chart_data
from paretune.report.html.clocks import clock_sections
from paretune.report.html.curves_page import curve_specs, curves_section
from paretune.report.html.data_section import data_section
from paretune.report.html.details import details_data
from paretune.report.html.differences import Judged, differences_data
from paretune.report.html.evidence import evidence_data
from paretune.report.html.gallery import Pictures, gallery_section, no_pictures
from paretune.report.html.limits import FitSource, capability_names, limited_metrics, limits_data
from paretune.report.html.page_data import metric_data, packed, rows_data
from paretune.report.html.page_parquet import parquet_of
from paretune.report.html.page_table import further_columns, table_columns, table_rows, view_key
from paretune.report.html.samples import (
    Answered,
    Images,
    Prompts,
    no_images,
    no_prompts,
    none_answered,
    samples_section,
)
from paretune.report.html.template import asset, script, template
from paretune.report.standing_marks import FRONT_MARK, front_rule
from paretune.report.wording import (
    LONG_NOTE,
    TIED_NOTE,
    claim_notes,
    column_notes,
    interval_note,
    notes,
    untrained_notes,
)
from paretune.spec import CLAIMS, DataReport, Metric, Record, Study, StudyPlan
from paretune.spec.memory import MemoryEstimate
from paretune.store.atomic import write_whole

_WRITTEN = 100
"""Rows that stand in the file as HTML, for readers without JavaScript; the script has all of them."""


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
    images: Images = no_images
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


class Part(NamedTuple):
    """One folder of a page: its study, and its rows as they were judged among themselves."""

    study: Study
    records: Sequence[Record]
    final: Sequence[Record]
    rows: Sequence[Row]
    sources: PageSources
    name: str
    """What tells it from the other folders of the page; empty where it is the only one."""


_SCRIPT_WORDS = {
    "tied": TIED_NOTE.capitalize(), "audit_mark": AUDIT_MARK, "front_mark": FRONT_MARK, "clearly": CLEARLY,
    "compared": COMPARED,
}  # fmt: skip


def part_of(records: Sequence[Record], study: Study, sources: PageSources = _NOTHING_BESIDES, name: str = "") -> Part:
    """Return the rows of one folder. With a name, their tasks are called by it, so that no others are compared."""
    final = [record for record in records if not record.trial.tunes]
    rows = judged_rows(final, sources.answers, records, sources.floor)
    named = [row._replace(task=f"{name}: {row.task}") if name else row for row in rows]
    return Part(study, records, final, named, sources, name)


def render_page(records: Sequence[Record], study: Study, sources: PageSources = _NOTHING_BESIDES) -> str:
    """Return the page of one study as HTML."""
    return render_parts([part_of(records, study, sources)], study.name, study.description)


def render_parts(parts: Sequence[Part], title: str, description: str = "") -> str:
    """Return the page of one or several folders as HTML. Rows of different folders are shown together, not compared.

    Response curves, the sample question and images are shown where there is one folder.
    """
    pairs = sorted(((row, part.study) for part in parts for row in part.rows), key=lambda pair: best_first(pair[0]))
    rows = [row for part in parts for row in part.rows]
    best, studies = [row for row, _ in pairs], [study for _, study in pairs]
    only = parts[0] if len(parts) == 1 else None
    plan = only.sources.plan if only else None
    curves = curves_of(only.records, plan) if only and plan else []
    columns = table_columns(rows)
    data = _script_data(parts, best, studies)
    chart = data["chart"]
    return template("page.html").render(
        title=title,
        description=description,
        tied_note=TIED_NOTE,
        long_note=LONG_NOTE,
        support=[(part.name, text) for part in parts if (text := " ".join(claim_notes(part.final, part.rows)))],
        notes=[f"{part.name}: {note}" if part.name else note for part in parts for note in _notes(part)],
        facts=[(part.name, part_facts(part.records, part.study, part.rows)) for part in parts],
        curves=curves_section(curves, plan) if plan else "",
        has_evidence=bool(data["evidence"]),
        has_differences=bool(data["differences"]),
        samples=_samples(only) if only else "",
        data_reports=data_section([report for part in parts for report in part.sources.data]),
        gallery=gallery_section(only.rows, only.sources.pictures) if only else "",
        views=_views(rows),
        columns=columns,
        rows=table_rows(best[:_WRITTEN], columns, studies),
        num_left=max(0, len(best) - _WRITTEN),
        axes=_axes(chart, _measured_metrics(best)) if chart else {},
        recipes=[(part.name, recipe_fields(part.study.recipe, part.rows, _is_imported(part))) for part in parts],
        methods=[method_settings(row, part.study) for part in parts for row in one_per_method(part.rows)],
        **_legend(rows, left_out=any(floor_notes(part.rows, part.sources.floor) for part in parts)),
        imported=any(map(_is_imported, parts)),
        clocks=clock_sections(rows),
        estimates_title=TITLE,
        estimates=[
            estimate_cells(one, _measured_bytes(part.rows, one.method))
            for part in parts
            for one in part.sources.estimates
        ],
        audit_mark=AUDIT_MARK,
        style=asset("page.css"),
        script=script(),
        bundle=chart_bundle() if chart or curves else "",
        data=script_json(
            {
                "curves": curve_specs(curves, plan) if plan else [],
                "words": _SCRIPT_WORDS,
                **data,
            }
        ),
    )


def _legend(rows: Sequence[Row], *, left_out: bool) -> dict[str, Any]:
    """Return what explains the table: its columns, metrics, marks and failed checks."""
    mains, metrics = main_metrics(rows), legend_metrics(rows)
    return {
        "parts": " ".join(note for heading, note in column_notes(rows).items() if heading != "Forgetting"),
        "has_intervals": any(row.quality_interval for row in rows),
        "has_spreads": any(row.quality in row.spreads for row in rows),
        "explained": {metric.name for metric in metrics},
        "metrics": [metric for metric in metrics if is_explained(rows, metric)],
        "checks": failed_checks(rows),
        "front_rule": front_rule(items_of(rows), baseline_names(rows), left_out=left_out),
        "items": items_of(rows),
        "main": {
            "names": [metric.name for metric in mains],
            "label": " or ".join(metric.label for metric in mains),
            "words": " or ".join(metric.words for metric in mains),
        },
    }


def _script_data(parts: Sequence[Part], best: Sequence[Row], studies: Sequence[Study]) -> dict[str, Any]:
    """Return what the script shows of rows, which come best first."""
    measured, columns = _measured_metrics(best), table_columns([row for part in parts for row in part.rows])
    sources = [FitSource(part.rows, part.sources.answers, part.records, part.study) for part in parts]
    names = capability_names(sources)
    details = details_data(best, studies)
    answered = {row.trial_ids: part.sources for part in parts for row in part.rows}
    evidence = evidence_data(best, answered)
    differences = differences_data(best, [Judged(part.rows, part.sources.answers) for part in parts])
    views = _views([row for part in parts for row in part.rows])
    data = rows_data(best, [*columns, *further_columns(best, columns)], len(columns), studies, measured)
    return {
        "views": views,
        "chart": chart_data(best, measured),
        "metrics": list(map(metric_data, measured)),
        "limited": limited_metrics(best),
        "capabilities": names,
        "checks": {name: CLAIMS[name].statement for name in names},
        "fit": limits_data(best, sources, names),
        "rows": packed(data),
        "parquet": parquet_of(data, views),
        "details": packed(details) if details else "",
        "evidence": packed(evidence) if evidence else "",
        "differences": packed(differences) if differences else "",
    }


def _notes(part: Part) -> list[str]:
    rows = part.rows
    return [
        *untrained_notes(rows),
        *interval_note(rows),
        *training_notes(rows),
        *power_notes(rows),
        *map(plain, floor_notes(rows, part.sources.floor)),
        *audit_notes(rows),
        *notes(part.final, rows),
    ]


def _samples(part: Part) -> str:
    sources = part.sources
    return samples_section(part.rows, sources.answered, sources.prompts, sources.pictures, sources.images)


def _is_imported(part: Part) -> bool:
    return any(row.records[0].imported for row in part.rows)


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


def _axes(chart: dict[str, Any], metrics: Sequence[Metric]) -> dict[str, list[Metric]]:
    """Return the metrics that a reader may choose for each axis of the chart, in order."""
    table = {metric.name: metric for metric in metrics}
    return {side: [table[name] for name in chart[side]] for side in ("x", "y")}


def _measured_metrics(rows: Sequence[Row]) -> list[Metric]:
    """Return every metric that a row has a value of, what tasks score first."""
    return [metric for metric in legend_metrics(rows) if any(metric.name in row.metrics for row in rows)]


def _measured_bytes(rows: Sequence[Row], method: str) -> float | None:
    """Return the most training memory that this study measured for a method; None where it did not."""
    found = [row.metrics.get("train_peak_bytes") for row in rows if row.method == method]
    return max((peak for peak in found if peak is not None), default=None)
