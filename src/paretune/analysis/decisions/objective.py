"""What is to be made as good as possible: one metric, or several with weights."""

from collections.abc import Mapping, Sequence

import numpy as np

from paretune.analysis.decisions.requirements import known_metric
from paretune.analysis.statistics.draws import Draws, fixed_draws
from paretune.analysis.statistics.scores import FloatArray
from paretune.analysis.table.comparison_set import ComparisonSet
from paretune.spec import METRICS, InputError, Metric


def check_weights(weights: Mapping[str, float], where: str, table: Mapping[str, Metric] = METRICS) -> dict[str, float]:
    """Return weights that add up to 1. Raises `InputError` for an unknown metric or weights that are not above 0."""
    for name, weight in weights.items():
        known_metric(name, where, table)
        if not 0 < weight < float("inf"):
            raise InputError(f"{where}: the weight of {name} must be above 0, got {weight:g}")
    total = sum(weights.values())
    return {name: weight / total for name, weight in sorted(weights.items())}


def objective_draws(compared: ComparisonSet, weights: Mapping[str, float], admissible: Sequence[int]) -> Draws:
    """Return draws of the objective for the admissible rows of a comparison set, more being better.

    With one metric: the metric, turned round where less is better. With several: the weighted sum of each metric's way
    from its worst to its best value among the admissible rows (simple additive weighting after min-max scaling; Hwang
    and Yoon, Multiple Attribute Decision Making, 1981). The ends of that way stay as measured in every draw.
    A row without one of the values has NaN throughout.
    """
    if list(weights) == [compared.quality]:
        return compared.goodness.subset(admissible)
    chosen = list(admissible)
    means, values = np.zeros(len(chosen)), np.zeros((len(compared.draws.values), len(chosen)))
    for metric, weight in weights.items():
        measured = np.array([compared.rows[place].metrics.get(metric, np.nan) for place in chosen])
        sign = compared.table[metric].sign
        offset, scale = _scaling(measured, sign) if len(weights) > 1 else (0.0, sign)
        means += weight * (measured - offset) * scale
        values += weight * (compared.metric_draws(metric)[:, chosen] - offset) * scale
    return fixed_draws(means, values)


def _scaling(measured: FloatArray, sign: float) -> tuple[float, float]:
    """Return offset and scale that take the worst value to 0 and the best to 1; all to 0 where they agree."""
    finite = measured[np.isfinite(measured)]
    if not len(finite) or finite.min() == finite.max():
        return (float(finite.min()) if len(finite) else 0.0), 0.0
    low, high = float(finite.min()), float(finite.max())
    return (low, 1 / (high - low)) if sign > 0 else (high, 1 / (low - high))
