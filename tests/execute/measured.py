"""What of two trials can be compared."""

from typing import Any

from paretune.execute.executor import Finished

_CLOCKS = {"started_at", "step_seconds", "phases", "provenance", "resumed_at"}
_CLOCK_METRICS = {"step_seconds", "train_seconds", "answers_per_second"}


def measured(finished: Finished) -> dict[str, Any]:
    """Return all that a trial found but its clocks."""
    value = finished.record.model_dump(exclude=_CLOCKS)
    value["metrics"] = {name: one for name, one in finished.record.metrics.items() if name not in _CLOCK_METRICS}
    value["items"] = finished.items
    value["peaks"] = {reading.phase: reading.peak_bytes for reading in finished.record.phases if reading.peak_bytes}
    return value
