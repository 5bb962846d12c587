"""Which of several values that stand for one thing the rows at hand have: their own memory reading or another's."""

from paretune.spec import METRICS

RETENTION = ("forgetting", "drift")
_SHORT = {
    "train_peak_bytes": "Training\nmemory",
    "run_peak_reserved_bytes": "Memory,\nwhole run",
    "train_peak_reserved_bytes": "Memory\n(reserved)",
}


def short_label(metric: str) -> str:
    """Return a metric's label for a narrow column; it may hold a line break."""
    return _SHORT.get(metric, METRICS[metric].label)
