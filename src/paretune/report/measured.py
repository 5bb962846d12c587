"""Which of several values that stand for one thing the rows at hand have: their own memory reading or another's."""

from collections.abc import Sequence

from paretune.analysis import Row
from paretune.analysis.table.scored import scored_metrics
from paretune.report.format import show
from paretune.spec import METRICS, Metric

RETENTION = ("forgetting", "skills_lost", "drift")
"""The metrics that say what was forgotten."""
_SHORT = {
    "train_peak_bytes": "Training\nmemory",
    "run_peak_reserved_bytes": "Memory,\nwhole run",
    "train_peak_reserved_bytes": "Memory\n(reserved)",
    "accuracy_lenient": "Leni-\nent",
    "accuracy_published": "Their\nrule",
    "skills_lost": "Skills\nlost",
}


def short_label(metric: Metric) -> str:
    """Return a metric's label for a narrow column; it may hold a line break."""
    return _SHORT.get(metric.name, metric.label)


def other_scores(rows: Sequence[Row]) -> list[Metric]:
    """Return what the task of these rows scores in addition to its main metric, where a row measured it.

    Imported results have no other reading of their answers, though they may give their accuracy twice.
    """
    own = [row for row in rows if row.records[0].imported is None]
    return [metric for metric in scored_metrics(rows)[1:] if any(metric.name in row.metrics for row in own)]


def retention_of(rows: Sequence[Row]) -> list[str]:
    """Return the metrics that say what these rows forgot; none where it was not measured."""
    return [name for name in RETENTION if any(name in row.metrics for row in rows)]


def head_text(row: Row) -> str:
    """Return how many of a row's trainable parameters are the head's, in words; empty where there is no head."""
    value = row.metrics.get("head_parameters")
    return "" if value is None else f"(head {show(METRICS['head_parameters'], value)})"
