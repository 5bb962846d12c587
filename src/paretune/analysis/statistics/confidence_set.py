"""Which methods are better than which, all ordered pairs at once."""

import numpy as np
from numpy.typing import NDArray

from paretune.analysis.statistics.bootstrap import Draws
from paretune.analysis.statistics.scores import FloatArray

SIGNIFICANCE = 0.05
_SEED = 20_240_301
_MOST_DRAWS, _FEWEST_DRAWS = 4_000, 1_000
_TINY = 1e-12
_CELLS_IN_ALL, _CELLS_AT_ONCE = 400_000_000, 100_000
_LEAST_TELLING = 1.6
"""Just under the one-sided 5 % normal quantile: no pair below it can be significant among others."""


def pairwise_p_values(draws: Draws) -> FloatArray:
    """Return adjusted p-values of "the row's method is not better than the column's", float64 (methods, methods).

    Those below 0.05 are all right with a confidence of 95 %. Step-down by the largest studentised difference (Romano
    and Wolf, Econometrica 73, 2005), over all ordered pairs, which gives the confidence sets of ranks of Mogstad,
    Romano, Shaikh and Wilhelm (Review of Economic Studies 91, 2024). Each difference is Student's t at its own degrees
    of freedom, taken to the normal scale; the largest is drawn with the covariance of the means (Gaussian multiplier
    bootstrap). None is below the p-value of its pair by itself, and of two methods it is that. Pairs that are not
    significant by themselves at 5 % one-sided, and methods with NaN, have 1.
    """
    p_values = np.ones((len(draws.means), len(draws.means)))
    there = np.flatnonzero(np.isfinite(draws.means))
    if len(there) > 1:
        p_values[np.ix_(there, there)] = _among(draws.subset(there.tolist()))
    return p_values


def confidence_set_p_values(p_values: FloatArray) -> list[float]:
    """Return, for each method, the p-value of being the best: below 0.05 some other method is significantly better.

    `p_values` are those of `pairwise_p_values`.
    """
    return [float(value) for value in p_values.min(axis=0, initial=1.0)]


def _among(draws: Draws) -> FloatArray:
    """Return the adjusted p-values of methods that all have a value."""
    if draws.pairs is None:
        return _step_down(draws)
    alone = np.where(draws.pairs.centres > 0, draws.pairs.p_values, 1.0)
    return alone if len(alone) == 2 else np.maximum(alone, _step_down(draws))


def _step_down(draws: Draws) -> FloatArray:
    num_methods = len(draws.means)
    scores, errors = _normal_scores(draws)
    deviates = _deviates(draws, _num_draws(num_methods)).astype(np.float32)
    weights = np.divide(1.0, errors, out=np.zeros_like(errors), where=errors > _TINY).astype(np.float32)
    # From the least telling pair upwards: `largest` is that of all pairs so far, so each pair is visited once.
    largest = _largest_below(deviates, weights, scores)
    rows, columns = np.nonzero(scores > _LEAST_TELLING)
    order = np.argsort(scores[rows, columns], kind="stable")
    rows, columns = rows[order], columns[order]
    found = np.zeros(len(rows))
    size = max(1, _CELLS_AT_ONCE // deviates.shape[1])
    for start in range(0, len(rows), size):
        one, other = rows[start : start + size], columns[start : start + size]
        gaps = (deviates[one] - deviates[other]) * weights[one, other][:, None]
        np.maximum(gaps[0], largest, out=gaps[0])
        np.maximum.accumulate(gaps, axis=0, out=gaps)
        found[start : start + size] = (gaps >= scores[one, other][:, None]).mean(axis=1)
        largest = gaps[-1]
    p_values = np.ones((num_methods, num_methods))
    p_values[rows, columns] = np.maximum.accumulate(found[::-1])[::-1]
    return p_values


def _num_draws(num_methods: int) -> int:
    return int(np.clip(_CELLS_IN_ALL // num_methods**2, _FEWEST_DRAWS, _MOST_DRAWS))


def _normal_scores(draws: Draws) -> tuple[FloatArray, FloatArray]:
    """Return the normal score of each difference, infinite without any spread, and the errors of the deviates."""
    from scipy.special import ndtri, stdtr

    covariance = draws.covariance if draws.pairs is None else draws.pairs.covariance
    variances = np.diag(covariance)
    errors = np.sqrt(np.maximum(0.0, variances[:, None] + variances - 2 * covariance))
    if draws.pairs is None:
        centres, spreads, freedom = draws.means[:, None] - draws.means, errors, np.full_like(errors, np.inf)
    else:
        centres, spreads, freedom, _, _ = draws.pairs
    certain = np.where(np.abs(centres) > _TINY, np.copysign(np.inf, centres), 0.0)
    statistics = np.divide(centres, spreads, out=certain, where=spreads > _TINY)
    few = np.isfinite(freedom) & np.isfinite(statistics)
    statistics[few] = -ndtri(stdtr(freedom[few], -statistics[few]))
    return statistics, errors


def _deviates(draws: Draws, num_draws: int) -> FloatArray:
    """Return draws of the means' errors, float64 of shape (methods, draws): normal, or as the draws are themselves."""
    if draws.pairs is None:
        some = draws.values[:num_draws]
        around: FloatArray = (some - some.mean(axis=0)).T
        return np.ascontiguousarray(around)
    values, vectors = np.linalg.eigh(draws.pairs.covariance)
    # A sign for each eigenvector that does not depend on the order of the methods.
    vectors = vectors * np.where((vectors**3).sum(axis=0) < 0, -1.0, 1.0)
    normal = np.random.default_rng(_SEED).standard_normal((len(values), num_draws))
    deviates: FloatArray = (vectors * np.sqrt(np.maximum(0.0, values))) @ normal
    return deviates


def _largest_below(
    deviates: NDArray[np.float32], weights: NDArray[np.float32], scores: FloatArray
) -> NDArray[np.float32]:
    """Return the largest weighted difference in each draw, (draws,), of the pairs too near to be told apart."""
    largest = np.full(deviates.shape[1], -np.inf, dtype=np.float32)
    for place in range(1, len(deviates)):
        gaps = (deviates[place] - deviates[:place]) * weights[place, :place][:, None]
        for sign, near in ((1, scores[place, :place]), (-1, scores[:place, place])):
            inside = near <= _LEAST_TELLING
            if inside.all():
                np.maximum(largest, (sign * gaps).max(axis=0), out=largest)
            elif inside.any():
                np.maximum(largest, (sign * gaps[inside]).max(axis=0), out=largest)
    return largest
