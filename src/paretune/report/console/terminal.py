"""The table of a study in a terminal."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from rich.console import Console, ConsoleOptions, Group, RenderResult
from rich.measure import Measurement
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from paretune.analysis import Answers, Row, judged_rows, no_answers
from paretune.analysis.table.floor import Floor, floor_notes
from paretune.analysis.table.selection import MEMORY, first_measured, main_figure
from paretune.report.audit_marks import AUDIT_MARK, audit_notes, marked
from paretune.report.console.curves_terminal import curves_summary
from paretune.report.curves import curves_of
from paretune.report.format import MISSING, plain, rate, show, span
from paretune.report.measured import RETENTION, short_label
from paretune.report.standing_marks import FRONT_MARK, NEAR_MARK, TIED_MARK, front_mark, is_tied
from paretune.report.wording import (
    TIED_NOTE,
    claim_notes,
    interval_note,
    notes,
    outcome_name,
    row_outcome,
    shows_batch_sizes,
    shows_learning_rates,
    tuned_from,
)
from paretune.spec import METRICS, Record, StudyPlan


class _Column(NamedTuple):
    heading: str
    cell: Callable[[Row], str]
    """May hold one line break, which becomes a space where there is room."""
    justify: Any = "right"


def results_summary(
    records: Sequence[Record],
    answers: Answers = no_answers,
    plan: StudyPlan | None = None,
    floor: Floor | None = None,
) -> Group:
    """Return the table of these records, one for each task, and the notes that belong to it, for a rich console.

    Rows are sorted by their main metric, best first; rows without one come last, with their outcome. Tuning trials are
    no rows; with the plan of a tuned study their response curves come first. `floor` is what rows must reach to lie on
    a Pareto front, by default the base model's main metric.
    """
    final = [record for record in records if not record.trial.tunes]
    rows = judged_rows(final, answers, records, floor)
    parts: list[Any] = [] if plan is None else [*curves_summary(curves_of(records, plan), plan), Text()]
    if not rows:
        return Group(*parts, Text(f"No {'trial' if plan is None else 'final trial'} has finished yet."))
    for key in dict.fromkeys((row.task, row.split) for row in rows):
        parts.append(_TaskTable(f"{key[0]}, {key[1]} split", [row for row in rows if (row.task, row.split) == key]))
    memory = first_measured(rows, MEMORY)
    if any(memory in row.fronts for row in rows):
        pair = f"{METRICS[main_figure(rows)].label.lower()} and {METRICS[memory].label.lower()}"
        front = f"{FRONT_MARK} on the Pareto front of {pair}, {NEAR_MARK} not as measured"
        parts.append(Text(f"{front}; with the probability of lying on it"))
    if any(row.standing for row in rows):
        parts.append(Text(f"{TIED_MARK} {TIED_NOTE}"))
    parts += [Text(plain(note)) for note in floor_notes(rows, floor)]
    parts += [Text(f"{plain(row.method)}: {row_outcome(row)}", "red") for row in rows if row.outcome.kind != "ok"]
    parts += [Text(note, "yellow") for note in audit_notes(rows)]
    parts += [Text(note, "dim") for note in interval_note(rows)]
    parts += [Text(note, "yellow") for note in (*claim_notes(final, rows), *notes(final, rows))]
    return Group(*parts)


class _TaskTable:
    """The rows of one task. Where the console is narrow, intervals move to a second line of their cells."""

    def __init__(self, title: str, rows: Sequence[Row]) -> None:
        self._title = title
        self._rows = sorted(rows, key=lambda row: -row.metrics.get(row.quality, float("-inf")))

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        wide = self._table(" ")
        fits = Measurement.get(console, options.update(width=1000), wide).maximum <= options.max_width
        yield Text(plain(self._title), "bold")
        yield Padding(wide if fits else self._table("\n"), (0, 0, 1, 0))

    def _table(self, between: str) -> Table:
        table = Table(box=None, padding=(0, 1, 0, 0), header_style="bold", pad_edge=False)
        columns = _columns(self._rows)
        for column in columns:
            numbers = column.justify == "right"
            heading = Text(column.heading, justify=column.justify)
            table.add_column(heading, justify=column.justify, no_wrap=numbers, overflow="fold")
        for row in self._rows:
            cells = [column.cell(row).replace("\n", between) for column in columns]
            table.add_row(*map(Text, cells), style="" if row.outcome.kind == "ok" else "dim")
        return table


def _columns(rows: Sequence[Row]) -> list[_Column]:
    columns = [_Column("Method", _method, "left")]
    if shows_learning_rates(rows):
        columns.append(_Column("Learning\nrate", _learning_rate))
    if any(len(row.seeds) > 1 for row in rows):
        columns.append(_Column("Seeds", lambda row: f"{len(row.seeds)}"))
    quality = main_figure(rows)
    columns.append(_Column(METRICS[quality].label, _quality))
    if any("accuracy_lenient" in row.metrics for row in rows):
        columns.append(_Column("Leni-\nent", _figure("accuracy_lenient")))
    if any("accuracy_published" in row.metrics and row.records[0].imported is None for row in rows):
        columns.append(_Column("Their\nrule", _figure("accuracy_published")))
    groups = list(dict.fromkeys(name for row in rows for name in row.groups))
    if 1 < len(groups) <= 3:
        columns.append(_Column("/\n".join(map(plain, groups)), _groups(groups)))
    memory, retention = first_measured(rows, MEMORY), first_measured(rows, RETENTION)
    columns += [
        _Column(short_label(memory), _figure(memory)),
        _Column("Step\ntime", _figure("step_seconds")),
        _Column("Check-\npoint", _figure("checkpoint_bytes")),
        _Column("Train-\nable", _figure("trainable_parameters")),
        _Column(METRICS[retention].label, _forgetting if retention == "forgetting" else _figure(retention)),
    ]
    if shows_batch_sizes(rows):
        columns.append(_Column("Answer\nbatch", lambda row: f"{row.answer_batch_size}"))
    return columns


def _figure(name: str) -> Callable[[Row], str]:
    return lambda row: show(name, row.metrics.get(name))


def _method(row: Row) -> str:
    marks = (TIED_MARK if is_tied(row) else "") + (AUDIT_MARK if marked(row) else "")
    front = front_mark(row, first_measured([row], MEMORY))
    return f"{plain(row.method)} {marks}".rstrip() + (f"\n{front}" if front else "")


def _learning_rate(row: Row) -> str:
    return f"{rate(row.learning_rate)}\n{tuned_from(row)}".rstrip()


def _quality(row: Row) -> str:
    figure = show(row.quality, row.metrics.get(row.quality))
    if row.quality_interval is not None:
        low, high = row.quality_interval
        return f"{figure}\n{span(row.quality, low, high)}"
    return figure if row.outcome.kind == "ok" else "\n".join(outcome_name(row.outcome).rsplit(" ", 1))


def _groups(names: Sequence[str]) -> Callable[[Row], str]:
    def cell(row: Row) -> str:
        shares = [row.groups.get(name, {}).get("accuracy") for name in names]
        if all(share is None for share in shares):
            return MISSING
        return "/".join(MISSING if share is None else f"{share:.0%}" for share in shares)

    return cell


def _forgetting(row: Row) -> str:
    text = show("forgetting", row.metrics.get("forgetting"))
    error = row.standard_errors.get("forgetting")
    return text if error is None or text == MISSING else f"{text}\n±{error:.3f}"
