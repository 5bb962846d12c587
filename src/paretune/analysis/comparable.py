"""Which records may be compared in time and memory."""

from collections.abc import Hashable, Sequence

from paretune.spec import METRICS, Record, Unit


def same_conditions(records: Sequence[Record], metric: str) -> bool:
    """Tell whether a figure of these records was measured under the same conditions.

    Clocks need the same device, packages, threads and number of trials at once; bytes at work need the same device and
    packages. Accuracy, sizes and counts do not depend on the machine in a way that a comparison must fear.
    """
    return len({_conditions(record, metric) for record in records if record.metric(metric) is not None}) <= 1


def comparability_notes(records: Sequence[Record]) -> list[str]:
    """Return what a reader must know before comparing these records in time and memory, a sentence each."""
    notes = []
    if not same_conditions(records, "train_peak_bytes"):
        notes.append(
            "These trials ran on different devices or package versions: their memory and times are not comparable, "
            "and no Pareto front is drawn over them."
        )
    elif not same_conditions(records, "step_seconds"):
        notes.append(
            "These trials ran with different numbers of threads, or of trials at once: their times are not "
            "comparable, and no Pareto front is drawn over them."
        )
    most = max((record.provenance.concurrent_workers for record in records if record.provenance), default=1)
    if most > 1:
        notes.append(f"Shared clock: up to {most} trials ran at once, which lengthens step times.")
    return notes


def _conditions(record: Record, metric: str) -> Hashable:
    provenance = record.provenance
    if provenance is None:
        return None
    if METRICS[metric].unit is Unit.SECONDS:
        return provenance.environment
    if metric in {"train_peak_bytes", "answer_peak_bytes"}:
        return provenance.device, provenance.platform, tuple(sorted(provenance.packages.items()))
    return None
