"""Which of several figures that stand for one thing the rows at hand have: their own memory reading or another's."""

from collections.abc import Iterable, Sequence

from paretune.analysis import Row
from paretune.spec import METRICS

MEMORY = ("train_peak_bytes", "run_peak_reserved_bytes", "train_peak_reserved_bytes")
RETENTION = ("forgetting", "drift")
_SHORT = {
    "train_peak_bytes": "Training\nmemory",
    "run_peak_reserved_bytes": "Memory,\nwhole run",
    "train_peak_reserved_bytes": "Memory\n(reserved)",
}


def first_measured(rows: Iterable[Row], names: Sequence[str]) -> str:
    """Return the first of these metrics that any row has a figure for; the first of all where none has any."""
    found = {name for row in rows for name in row.metrics}
    return next((name for name in names if name in found), names[0])


def short_label(metric: str) -> str:
    """Return a metric's label for a narrow column; it may hold a line break."""
    return _SHORT.get(metric, METRICS[metric].label)
