"""The Pareto front of a study in any number of metrics."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from paretune.analysis.decisions.protocol import refuse_conflicts
from paretune.analysis.decisions.requirements import known_metric
from paretune.analysis.statistics.pareto import front_probability, hypervolume, hypervolume_contributions, pareto_front
from paretune.analysis.table.comparable import judge_notes
from paretune.analysis.table.comparison_set import make_comparison_set
from paretune.analysis.table.evidence import Evidence
from paretune.analysis.table.floor import Floor, floor_notes
from paretune.analysis.table.rows import rows_of
from paretune.analysis.table.selection import choose_view
from paretune.spec import InputError
from paretune.spec.base import Data


class FrontPoint(Data):
    """One method in the space of the metrics."""

    name: str
    values: dict[str, float | None]
    on_front: bool
    """Whether no method is at least as good in every metric and better in one, as measured."""
    probability: float
    """Of lying on the front."""
    left_out: bool
    """Whether it is left out of the front: by default what is not above the base model in the main metric."""
    contribution: float | None
    """The volume that would be lost without it; None without a reference point."""


class Front(Data):
    """The methods of a study and the front that they form."""

    task: str
    split: str
    metrics: tuple[str, ...]
    points: tuple[FrontPoint, ...]
    hypervolume: float | None
    """The volume between front and reference point, in the product of the metrics' units; None without one."""
    notes: tuple[str, ...] = ()

    def __repr_args__(self) -> Iterable[tuple[str | None, Any]]:
        """Yield the metrics and the names of the methods on the front."""
        yield from {"task": self.task, "metrics": self.metrics}.items()
        yield "on_front", [point.name for point in self.points if point.on_front]


def front_of(
    evidence: Evidence,
    metrics: Sequence[str] | None,
    *,
    reference: Mapping[str, float] | None = None,
    task: str | None = None,
    split: str | None = None,
    across: bool = False,
    floor: Floor | None = None,
) -> Front:
    """Return the front. Raises `InputError` as `pareto` does."""
    view = choose_view(rows_of(evidence.records, floor=floor), task, split, evidence.study)
    for name in metrics or ():
        known_metric(name, "pareto", view.table)
    if metrics is None:
        metrics = (view.main_metric.name, "train_peak_bytes")
    if reference is not None and sorted(reference) != sorted(metrics):
        raise InputError("pareto: the reference point must have a value for each metric, and for no other")
    conflicts = refuse_conflicts(view, metrics, across=across)
    compared = make_comparison_set(view.rows, evidence.answers, with_unscored=True)
    if compared is None:
        raise InputError(f"no method has a result on {view.task}; run the study first")
    directions = [view.table[name].direction for name in metrics]
    points = [[row.metrics.get(name) for name in metrics] for row in compared.rows]
    inside = [place for place, row in enumerate(compared.rows) if not row.below_floor]
    on_front = {inside[place] for place in pareto_front([points[place] for place in inside], directions)}
    shares = np.zeros(len(points))
    shares[inside] = front_probability([compared.metric_draws(name)[:, inside] for name in metrics], directions)
    corner = [reference[name] for name in metrics] if reference else None
    kept = [points[place] if place in inside else [None] * len(metrics) for place in range(len(points))]
    contributions = hypervolume_contributions(kept, directions, corner) if corner else [None] * len(points)
    return Front(
        task=view.task,
        split=view.split,
        metrics=tuple(metrics),
        points=tuple(
            FrontPoint(
                name=view.name_of(row),
                values=dict(zip(metrics, points[place], strict=True)),
                on_front=place in on_front,
                probability=float(shares[place]),
                left_out=row.below_floor,
                contribution=contributions[place],
            )
            for place, row in enumerate(compared.rows)
        ),
        hypervolume=hypervolume(kept, directions, corner) if corner else None,
        notes=(*judge_notes(evidence.records), *conflicts, *floor_notes(view.rows, floor)),
    )
