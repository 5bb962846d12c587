"""Which records may be compared in time and memory."""

from collections import Counter
from collections.abc import Hashable, Iterable, Sequence

from paretune.spec import METRICS, Phase, Record, Unit

_PEAKS = {name for name, metric in METRICS.items() if metric.unit is Unit.BYTES and metric.phase is not Phase.SAVE}


def same_conditions(records: Sequence[Record], metric: str) -> bool:
    """Tell whether a value of these records was measured under the same conditions.

    Clocks need the same device, packages, threads and number of trials at once; peak bytes need the same device and
    packages. Where they are of training, both need the same number of devices. Imported results need the same source
    and device, since whoever published them compared them. Accuracy, sizes and counts do not depend on the machine in a
    way that a comparison must fear. Only trials that ended well count.
    """
    measured = (one for one in records if one.outcome.kind == "ok" and metric in one.metrics)
    return len({_conditions(record, metric) for record in measured}) <= 1


def comparability_notes(records: Sequence[Record]) -> list[str]:
    """Return what a reader must know before comparing these records in time and memory, a sentence each."""
    notes = []
    if not same_conditions(records, "train_peak_bytes"):
        notes.append(
            "These trials ran on different devices, numbers of devices or package versions: their memory and times are "
            "not comparable, "
            "and no Pareto front is drawn over them."
        )
    elif not same_conditions(records, "step_seconds"):
        notes.append(
            "These trials ran with different numbers of threads, or of trials at once: their times are not "
            "comparable, and no Pareto front is drawn over them."
        )
    notes += _imported_notes(records)
    ended = [record.provenance for record in records if record.provenance and record.outcome.kind == "ok"]
    most = max((provenance.concurrent_workers or 1 for provenance in ended), default=1)
    if most > 1:
        notes.append(f"Step times are longer than alone: up to {most} trials ran at once.")
    return notes


def _imported_notes(records: Sequence[Record]) -> list[str]:
    """Return what sets imported results apart: whose they are, how they were measured, and with how many versions."""
    imported = [record for record in records if record.imported is not None]
    sources = dict.fromkeys(record.imported.source for record in imported if record.imported)
    notes = [f"Imported from {source}: not measured by Paretune." for source in sources]
    covers = dict.fromkeys(item for record in imported if record.imported for item in record.imported.covers.items())
    notes += [f"{METRICS[name].label}, imported: {text}." for name, text in covers]
    made = [tuple(sorted(record.provenance.packages.items())) for record in imported if record.provenance]
    if len(set(made)) > 1:
        different = len(made) - max(Counter(made).values())
        were = "was" if different == 1 else "were"
        notes.append(
            f"{different} of the {len(made)} imported results {were} made with other package versions than the rest; "
            "none are excluded, as in their source."
        )
    return notes


def _conditions(record: Record, metric: str) -> Hashable:
    provenance = record.provenance
    if provenance is None:
        return None
    if record.imported is not None:
        return record.imported.source, provenance.device
    known = record.trial.task.table[metric]
    num_devices = provenance.num_devices if known.phase is Phase.TRAIN else 1
    if known.unit is Unit.SECONDS:
        return num_devices, provenance.environment
    if metric in _PEAKS:
        return num_devices, provenance.device, provenance.platform, tuple(sorted(provenance.packages.items()))
    return None


def judge_notes(records: Iterable[Record]) -> list[str]:
    """Return a sentence for each judge that the records' tasks name; none where nothing was drawn."""
    judges = {str(name) for record in records if (name := record.trial.task.options.get("judge"))}
    return [f"Similarity and drift are cosines of features of {name}: not of another judge." for name in sorted(judges)]
