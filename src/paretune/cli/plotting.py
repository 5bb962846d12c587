"""The picture of two metrics: from options to a file."""

from pathlib import Path

from paretune.analysis.decisions.front import front_of
from paretune.analysis.decisions.requirements import known_metric
from paretune.analysis.table.evidence import load_evidence
from paretune.analysis.table.judged import judged_rows
from paretune.analysis.table.rows import rows_of
from paretune.analysis.table.selection import choose_view
from paretune.cli.listings import floor_from
from paretune.report.plot import ENDINGS, Plotted, intervals_of, write_plot
from paretune.spec import InputError
from paretune.store.atomic import refusing


def write_front_plot(
    folder: Path, out: Path | None, x: str, y: str | None, *, task: str | None, min_accuracy: str | None, across: bool
) -> Path:
    """Write the picture of a study and return where. Raises `InputError` for what cannot be drawn or written."""
    target = out or folder / "front.svg"
    if target.suffix.lower() not in ENDINGS:
        raise InputError(f"-o {target}: must end in {', '.join(ENDINGS)}")
    evidence, floor = load_evidence(folder), floor_from(min_accuracy)
    view = choose_view(rows_of(evidence.records, floor=floor), task, study=evidence.study)
    metrics = x, y or view.main_metric.name
    for option, name in zip(("--x", "--y"), metrics, strict=True):
        known_metric(name, option, view.table)
    front = front_of(evidence, metrics, task=task, across=across, floor=floor)
    final = [record for record in evidence.records if not record.trial.tunes]
    rows = [row for row in judged_rows(final, evidence.answers, floor=floor) if row.trial_ids in view.names]
    along, up = (view.table[name] for name in metrics)
    with refusing(target, "choose another file with -o"):
        target.parent.mkdir(parents=True, exist_ok=True)
        write_plot(Plotted(front, along, up, intervals_of(rows, view.name_of)), target)
    return target
