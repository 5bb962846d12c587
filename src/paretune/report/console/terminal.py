"""The table of a study in a terminal."""

from collections.abc import Callable, Sequence
from typing import Any

from rich.console import Group
from rich.text import Text

from paretune.analysis import Answers, Row, judged_rows, no_answers
from paretune.analysis.table.floor import Floor, baseline_names, floor_notes
from paretune.analysis.table.rows import best_first
from paretune.analysis.table.scored import items_of, main_metric, main_metrics
from paretune.analysis.table.selection import MEMORY, first_measured
from paretune.report.amounts import power_notes, training_notes
from paretune.report.audit_marks import AUDIT_MARK, audit_notes, marked
from paretune.report.console.curves_terminal import curves_summary
from paretune.report.console.fitted_table import ColumnNote, FittedColumn, FittedTable
from paretune.report.cost import cost_line
from paretune.report.curves import curves_of
from paretune.report.format import MISSING, plain, rate, show, span, standard_error
from paretune.report.measured import head_text, other_scores, retention_of, short_label
from paretune.report.standing_marks import FRONT_MARK, NEAR_MARK, TIED_MARK, front_mark, front_rule, is_tied
from paretune.report.wording import (
    TIED_NOTE,
    claim_notes,
    column_notes,
    interval_note,
    notes,
    outcome_name,
    row_outcome,
    shortened,
    shows_batch_sizes,
    shows_learning_rates,
    tuned_from,
    untrained_notes,
)
from paretune.spec import METRICS, Metric, Record, StudyPlan, Unit

_Column = FittedColumn[Row]
_LOSS = METRICS["validation_loss"]
_NEEDED = (
    "Training memory",
    "Forgetting",
    "Skills lost",
    "Step time",
    "Learning rate",
    "Checkpoint",
    "Seeds",
    "Trainable",
)
"""Columns from the most needed on, behind the main metric: others are the first to go from a narrow console."""


def results_summary(
    records: Sequence[Record],
    answers: Answers = no_answers,
    plan: StudyPlan | None = None,
    floor: Floor | None = None,
    price: float | None = None,
) -> Group:
    """Return the table of these records, one for each task, and the notes that belong to it, for a rich console.

    Rows are sorted by their main metric, best first; rows without one come last, with their outcome. Tuning trials are
    no rows; with the plan of a tuned study their response curves come last. `floor` is what rows must reach to lie on
    a Pareto front, by default the base model's main metric. `price` is what an hour costs.
    """
    final = [record for record in records if not record.trial.tunes]
    rows = judged_rows(final, answers, records, floor)
    curves = [] if plan is None else [Text(), *curves_summary(curves_of(records, plan), plan)]
    parts: list[Any] = []
    if not rows:
        return Group(Text(f"No {'trial' if plan is None else 'final trial'} has finished yet."), *curves)
    for key in dict.fromkeys((row.task, row.split) for row in rows):
        parts.append(_task_table(f"{key[0]}, {key[1]} split", [row for row in rows if (row.task, row.split) == key]))
    tables = tuple(parts)
    memory = first_measured(rows, MEMORY)
    if any(memory in row.fronts for row in rows):
        pair = f"{' or '.join(metric.words for metric in main_metrics(rows))} and {METRICS[memory].words}"
        front = f"{FRONT_MARK} on the Pareto front of {pair}, {NEAR_MARK} not on it in these runs"
        parts.append(
            Text(
                f"{front}; {front_rule(items_of(rows), baseline_names(rows), left_out=bool(floor_notes(rows, floor)))}"
            )
        )
    if any(row.standing for row in rows):
        parts.append(Text(f"{TIED_MARK} {TIED_NOTE}"))
    parts += [Text(note) for note in untrained_notes(rows)]
    parts += [ColumnNote(note, column, tables) for column, note in column_notes(rows).items()]
    parts += [Text(plain(note)) for note in floor_notes(rows, floor)]
    parts += [Text(f"{plain(row.method)}: {row_outcome(row)}", "red") for row in rows if row.outcome.kind != "ok"]
    parts += [Text(note, "yellow") for note in audit_notes(rows)]
    parts += [Text(note, "dim") for note in (*interval_note(rows), *training_notes(rows))]
    if (cost := cost_line(records, price)) is not None:
        parts.append(Text(cost, "dim"))
    warnings = (*claim_notes(final, rows), *power_notes(rows), *map(shortened, notes(final, rows)))
    parts += [Text(note, "yellow") for note in warnings]
    return Group(*parts, *curves)


def _task_table(title: str, rows: Sequence[Row]) -> FittedTable[Row]:
    chosen = [metric.label for metric in other_scores(rows) if metric.name not in METRICS]
    return FittedTable(
        plain(title),
        sorted(rows, key=best_first),
        _columns(rows),
        needed=(main_metric(rows).label, *chosen, *_NEEDED),
        style=lambda row: "" if row.outcome.kind == "ok" else "dim",
    )


def _columns(rows: Sequence[Row]) -> list[_Column]:
    columns = [_Column("Method", _method, "left")]
    if shows_learning_rates(rows):
        columns.append(_Column("Learning\nrate", _learning_rate))
    if any(len(row.seeds) > 1 for row in rows):
        columns.append(_Column("Seeds", lambda row: f"{len(row.seeds)}"))
    columns.append(_Column(main_metric(rows).label, _quality))
    columns += [_Column(short_label(metric), _figure(metric)) for metric in other_scores(rows)]
    groups = list(dict.fromkeys(name for row in rows for name in row.groups))
    if 1 < len(groups) <= 3:
        columns.append(_Column("/\n".join(map(plain, groups)), _groups(groups)))
    memory = METRICS[first_measured(rows, MEMORY)]
    columns += [
        *([_Column("Validation\nloss", _figure(_LOSS))] if any(_LOSS.name in row.metrics for row in rows) else []),
        _Column(short_label(memory), _figure(memory)),
        _Column("Step\ntime", _figure(METRICS["step_seconds"])),
        *(
            _Column(
                short_label(METRICS[name]), _figure(METRICS[name]) if name == "drift" else _forgotten(METRICS[name])
            )
            for name in retention_of(rows)
        ),
        _Column("Check-\npoint", _figure(METRICS["checkpoint_bytes"])),
        _Column("Train-\nable", _trainable),
    ]
    if shows_batch_sizes(rows):
        columns.append(_Column("Answer\nbatch", lambda row: f"{row.answer_batch_size}"))
    return columns


def _figure(metric: Metric) -> Callable[[Row], str]:
    return lambda row: show(metric, row.metrics.get(metric.name))


def _trainable(row: Row) -> str:
    text = _figure(METRICS["trainable_parameters"])(row)
    return "\n".join(filter(None, (text, head_text(row))))


def _method(row: Row) -> str:
    marks = (TIED_MARK if is_tied(row) else "") + (AUDIT_MARK if marked(row) else "")
    front = front_mark(row, first_measured([row], MEMORY))
    return f"{plain(row.method)} {marks}".rstrip() + (f"\n{front}" if front else "")


def _learning_rate(row: Row) -> str:
    return f"{rate(row.learning_rate)}\n{tuned_from(row)}".rstrip()


def _quality(row: Row) -> str:
    figure = show(row.main_metric, row.metrics.get(row.quality))
    if row.quality_interval is not None:
        low, high = row.quality_interval
        return f"{figure}\n{span(row.main_metric, low, high)}"
    return figure if row.outcome.kind == "ok" else "\n".join(outcome_name(row.outcome).rsplit(" ", 1))


def _groups(names: Sequence[str]) -> Callable[[Row], str]:
    def cell(row: Row) -> str:
        values = [row.groups.get(name, {}).get(row.quality) for name in names]
        if all(value is None for value in values):
            return MISSING
        return "/".join(MISSING if value is None else _short(row.main_metric, value) for value in values)

    return cell


def _short(metric: Metric, value: float) -> str:
    return f"{value:.0%}" if metric.unit is Unit.FRACTION else show(metric, value)


def _forgotten(metric: Metric) -> Callable[[Row], str]:
    """Return the cells of a value with its standard error over texts or questions."""

    def cell(row: Row) -> str:
        text, error = show(metric, row.metrics.get(metric.name)), row.standard_errors.get(metric.name)
        return text if error is None or text == MISSING else f"{text}\n{standard_error(metric, error)}"

    return cell
