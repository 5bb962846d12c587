"""Which methods are better than which, all ordered pairs at once."""

import numpy as np

from paretune.analysis.statistics.bootstrap import Draws
from paretune.analysis.statistics.pairs import two_sided
from paretune.analysis.statistics.scores import FloatArray

SIGNIFICANCE = 0.05


def pairwise_p_values(draws: Draws) -> FloatArray:
    """Return adjusted p-values of "the row's method is not better than the column's", float64 (methods, methods).

    Those below 0.05 are all right with a confidence of 95 %. Holm's step-down correction (Scandinavian Journal of
    Statistics 6, 1979) over all ordered pairs, each with half of its two-sided p-value; with them come the confidence
    sets of ranks of Mogstad, Romano, Shaikh and Wilhelm (Review of Economic Studies 91, 2024). None is below the
    two-sided p-value of its pair by itself, and of two methods it is that. Methods with NaN have 1.
    """
    p_values = np.ones((len(draws.means), len(draws.means)))
    there = np.flatnonzero(np.isfinite(draws.means))
    if len(there) > 1:
        p_values[np.ix_(there, there)] = _holm(*_by_themselves(draws.subset(there.tolist())))
    return p_values


def confidence_set_p_values(p_values: FloatArray) -> list[float]:
    """Return, for each method, the p-value of being the best: below 0.05 some other method is significantly better.

    `p_values` are those of `pairwise_p_values`.
    """
    return [float(value) for value in p_values.min(axis=0, initial=1.0)]


def _by_themselves(draws: Draws) -> tuple[FloatArray, FloatArray]:
    """Return the difference of any two methods and its two-sided p-value, without correction."""
    if draws.pairs is not None:
        return draws.pairs.centres, draws.pairs.p_values
    covariance = np.atleast_2d(np.cov(draws.values.T))
    variances = np.diag(covariance)
    errors = np.sqrt(np.maximum(0.0, variances[:, None] + variances - 2 * covariance))
    centres = draws.means[:, None] - draws.means
    return centres, two_sided(centres, errors, np.full_like(errors, np.inf))


def _holm(centres: FloatArray, p_values: FloatArray) -> FloatArray:
    """Return the adjusted one-sided p-values of all ordered pairs; a method against itself has 1."""
    pairs = ~np.eye(len(centres), dtype=bool)
    one_sided = np.where(centres > 0, p_values / 2, 1 - p_values / 2)[pairs]
    order = np.argsort(one_sided, kind="stable")
    adjusted = np.empty_like(one_sided)
    adjusted[order] = np.maximum.accumulate(one_sided[order] * np.arange(len(order), 0, -1))
    found = np.ones_like(centres)
    found[pairs] = np.minimum(1.0, adjusted)
    return found
