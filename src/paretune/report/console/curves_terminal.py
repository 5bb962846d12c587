"""The response curves of a tuned study as a table in a terminal."""

from collections.abc import Sequence

from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from paretune.report.curves import Curve, caption, choice_text, curve_notes, figure_text, point_at, step_name, steps_of
from paretune.report.format import MISSING, plain, rate
from paretune.spec import StudyPlan

_CHOSEN_MARK = "*"
_BROKEN_MARK = "failed"


def curves_summary(curves: Sequence[Curve], plan: StudyPlan) -> list[Text | Padding]:
    """Return a table for each task: a row for each method, a column for each factor on its default rate."""
    parts: list[Text | Padding] = []
    for task in dict.fromkeys(curve.task for curve in curves):
        inside = [curve for curve in curves if curve.task == task]
        figure = plan.metric.words
        title = f"{plain(task)}, tuning: {figure} on validation data at multiples of the default learning rate"
        parts.append(Text(title, "bold"))
        parts.append(Padding(_table(inside, plan), (0, 0, 1, 0)))
        parts += [Text(note, "yellow") for note in curve_notes(inside)]
    if curves:
        parts.append(Text(f"{_CHOSEN_MARK} chosen. {caption(plan)}", "dim"))
    return parts


def _table(curves: Sequence[Curve], plan: StudyPlan) -> Table:
    table = Table(box=None, padding=(0, 1, 0, 0), header_style="bold", pad_edge=False)
    steps = steps_of(curves)
    table.add_column("Method", no_wrap=True)
    table.add_column("Default", justify="right", no_wrap=True)
    for step in steps:
        table.add_column(step_name(step, plan.tuning.per_decade), justify="right")
    table.add_column("Chosen", overflow="fold")
    for curve in curves:
        cells = [_cell(curve, step, plan) for step in steps]
        table.add_row(Text(plain(curve.method)), rate(curve.search.prior), *cells, Text(choice_text(curve)))
    return table


def _cell(curve: Curve, step: int, plan: StudyPlan) -> Text:
    point = point_at(curve, step, plan)
    if point is None:
        return Text(MISSING)
    if point.early is not None:
        return Text(figure_text(point, plan.metric), "dim")
    if point.figure is None:
        return Text(_BROKEN_MARK if point.outcomes else MISSING, "dim")
    chosen = point == curve.best
    text = figure_text(point, plan.metric)
    return Text(_CHOSEN_MARK + text, "bold") if chosen else Text(text)
