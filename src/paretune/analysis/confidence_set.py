"""Which methods cannot be told from the best one."""

import numpy as np

from paretune.analysis.bootstrap import Draws
from paretune.analysis.scores import FloatArray

_NUM_DRAWS = 4_000
_CELLS_AT_ONCE = 4_000_000


def confidence_set_p_values(draws: Draws) -> list[float]:
    """Return, for each method, the p-value of its place in the model confidence set, more being better.

    The set of all methods with p >= 0.05 holds the best one with a confidence of 95 %. Hansen, Lunde and Nason,
    Econometrica 79 (2011), range statistic T_R: all methods left are tested for equality by the largest studentised
    difference of two, the worse one of these two goes, and p-values never fall on the way. The distribution under
    equality is that of the draws around their means, of which the first few thousand are used.
    """
    p_values = [1.0] * len(draws.means)
    left = list(range(len(draws.means)))
    highest = 0.0
    while len(left) > 1:
        p_value, worse = _equality(draws.subset(left))
        highest = max(highest, p_value)
        p_values[left.pop(worse)] = highest
    return p_values


def _equality(draws: Draws) -> tuple[float, int]:
    """Return the p-value of "all are equally good" and the place of the method that speaks most against it."""
    variances = np.diag(draws.covariance)
    errors = np.sqrt(np.maximum(0.0, variances[:, None] + variances[None, :] - 2 * draws.covariance))
    known = errors > 1e-12
    behind = draws.means[None, :] - draws.means[:, None]  # [i, j] above 0: i is worse than j
    certain = np.where(behind > 1e-12, np.inf, 0.0)  # without any spread, a difference is certain
    statistics = np.divide(behind, errors, out=certain, where=known)
    worse = int(np.argmax(statistics.max(axis=1)))
    around = draws.values[:_NUM_DRAWS] - draws.values[:_NUM_DRAWS].mean(axis=0)
    largest = _largest_difference(around, np.divide(1.0, errors, out=np.zeros_like(errors), where=known))
    return float((largest >= statistics.max() - 1e-9).mean()), worse


def _largest_difference(around: FloatArray, weights: FloatArray) -> FloatArray:
    """Return the largest weighted difference of two methods in each draw, float64 of shape (draws,)."""
    rows = max(1, _CELLS_AT_ONCE // weights.size)
    chunks = (around[start : start + rows] for start in range(0, len(around), rows))
    return np.concatenate([((one[:, :, None] - one[:, None, :]) * weights).max(axis=(1, 2)) for one in chunks])
