"""What the tasks of rows score: the main metric, and the others."""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from paretune.spec import Metric
from paretune.spec.metrics import earlier_metrics

if TYPE_CHECKING:
    from paretune.analysis.table.rows import Row


def declared_metrics(rows: Iterable["Row"]) -> tuple[Metric, ...]:
    """Return what the tasks of these rows declare, the main metric first; nothing where they do not say.

    Of a metric that two tasks declare, the first counts.
    """
    found: dict[str, Metric] = {}
    for row in rows:
        for metric in row.task_spec.metrics:
            found.setdefault(metric.name, metric)
    return tuple(found.values())


def scored_metrics(rows: Sequence["Row"]) -> tuple[Metric, ...]:
    """Return what the task of these rows scores, the main metric first: as declared, or else by what they have."""
    return declared_metrics(rows) or earlier_metrics(name for row in rows for name in row.metrics)


def main_metric(rows: Sequence["Row"]) -> Metric:
    """Return the metric that the rows of a task are ranked by: the first of `scored_metrics`."""
    # The first row that declares metrics decides: the others need not be looked at.
    declared = next((metrics for row in rows if (metrics := row.task_spec.metrics)), None)
    return (declared or scored_metrics(rows))[0]


def main_metrics(rows: Sequence["Row"]) -> list[Metric]:
    """Return what the rows are ranked by, task by task, each metric once; that of no row is accuracy."""
    found = {metric.name: metric for metric in map(main_metric, by_task(rows) or [list(rows)])}
    return list(found.values())


def items_of(rows: Sequence["Row"]) -> str:
    """Return what the main metrics of the rows are means over, "questions" where that differs."""
    found = {metric.items for metric in main_metrics(rows)}
    return found.pop() if len(found) == 1 else "questions"


def by_task(rows: Sequence["Row"]) -> list[list["Row"]]:
    """Return the rows of each task and split, in the order in which they come."""
    found: dict[tuple[str, str], list[Row]] = {}
    for row in rows:
        found.setdefault((row.task, row.split), []).append(row)
    return list(found.values())
