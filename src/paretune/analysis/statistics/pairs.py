"""The differences of any two of several methods that answered the same questions, all pairs at once."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from paretune.analysis.statistics.scores import FloatArray
from paretune.analysis.statistics.variance import VarianceComponents


class Pairs(NamedTuple):
    """Student's t for each difference of two methods: the row's less the column's. Float64, (methods, methods)."""

    centres: FloatArray
    """Middle of the interval; of shares drawn slightly towards 0 so that few questions are not trusted too far."""
    errors: FloatArray
    """Standard errors."""
    freedom: FloatArray
    """Degrees of freedom."""
    p_values: FloatArray
    """Two-sided, of no difference, before any correction for other comparisons."""


def pairs_of(components: Sequence[VarianceComponents]) -> Pairs:
    """Return the differences of methods whose unit means belong to the same questions in order.

    The variance of the differences by question, or by cluster of questions (Miller, arXiv 2411.00640), plus that of
    each method's seeds, at the degrees of freedom of Satterthwaite (Biometrics Bulletin 2, 1946); a variance of seeds
    that is cut off at 0 lowers them too. For shares of right
    answers the two questions that Bonett and Price (Statistics in Medicine 31, 2012) add, one for each side, are added
    as right by one seed.

    P-values: of shares McNemar's exact test (Psychometrika 12, 1947) for one seed each and independent questions;
    otherwise Student's t, but never below what the sign test could say at best of the questions, or clusters, on which
    the two differ.
    """
    unit_means = np.stack([one.unit_means for one in components])
    n, sampling = unit_means.shape[1], components[0].sampling
    totals = np.subtract.outer(unit_means.sum(axis=1), unit_means.sum(axis=1))
    seeds = np.array([one.num_seeds for one in components], dtype=float)
    units = _between(sampling.contributions(unit_means))
    added = 2 / np.maximum.outer(seeds, seeds) ** 2
    size = n
    if components[0].right_or_wrong:
        size = n + 2
        if sampling.codes:
            units = units * (n / size) ** 2 + added / size**2
        else:
            squares = _between(unit_means) + added
            units = (squares - totals**2 / size) / size**2
    telling = np.array([one.degrees_of_freedom > 0 for one in components])
    raw = np.array([(one.between_seeds - one.residual) / one.num_seeds for one in components]) * telling
    from_seeds = np.maximum(0.0, np.add.outer(raw, raw))
    weights = units**2 / sampling.freedom(n) + _seed_weights(components)
    freedom = np.divide((units + from_seeds) ** 2, weights, out=np.full_like(weights, np.inf), where=weights > 0)
    if components[0].right_or_wrong and not sampling.codes:
        freedom[np.maximum.outer(seeds, seeds) == 1] = np.inf
    centres, errors = totals / size, np.sqrt(units + from_seeds)
    p_values = two_sided(centres, errors, freedom)
    if components[0].right_or_wrong and (sampling.codes or seeds.max() > 1):
        p_values = np.maximum(p_values, _least_p_values(components, unit_means))
    if components[0].right_or_wrong and not sampling.codes and seeds.min() == 1:
        exact = np.maximum.outer(seeds, seeds) == 1
        p_values[exact] = _mcnemar(unit_means)[exact]
    return Pairs(centres, errors, freedom, p_values)


def two_sided(centres: FloatArray, errors: FloatArray, freedom: FloatArray) -> FloatArray:
    """Return the two-sided p-values of Student's t, the normal ones where the degrees of freedom are infinite.

    Without any spread a difference is certain: 0, and 1 where there is none.
    """
    from scipy.special import ndtr, stdtr

    below = -np.abs(np.divide(centres, errors, out=np.zeros_like(centres), where=errors > 0))
    tails, few = ndtr(below), np.isfinite(freedom)
    tails[few] = stdtr(freedom[few], below[few])
    found: FloatArray = np.where(errors > 0, 2 * tails, centres == 0)
    return found


def score_test(shares: FloatArray, counts: FloatArray) -> FloatArray:
    """Return the two-sided p-values of the score test of any two proportions, float64 (methods, methods)."""
    right = shares * counts
    pooled = np.add.outer(right, right) / np.add.outer(counts, counts)
    errors = np.sqrt(pooled * (1 - pooled) * np.add.outer(1 / counts, 1 / counts))
    differences = np.subtract.outer(shares, shares)
    return two_sided(differences, errors, np.full_like(errors, np.inf))


def _mcnemar(right: FloatArray) -> FloatArray:
    """Return McNemar's exact p-value of any two methods from answers that are 1 or 0."""
    from scipy.special import bdtr

    only_row = (right @ (1 - right).T).round()
    total = (only_row + only_row.T).astype(np.int64)
    found: FloatArray = np.minimum(1.0, 2 * bdtr(np.minimum(only_row, only_row.T), np.maximum(total, 1), 0.5))
    found[total == 0] = 1.0
    return found


def _least_p_values(components: Sequence[VarianceComponents], unit_means: FloatArray) -> FloatArray:
    """Return what the sign test could say at best of any two methods: k units answered differently, 2^(1-k)."""
    sampling = components[0].sampling
    units = unit_means
    if sampling.scope == "new clusters":
        units = np.stack([np.bincount(sampling.codes, weights=row) for row in unit_means])
    same = np.zeros((len(units), len(units)))
    for level in np.unique(units.round(9)):
        there = (units.round(9) == level).astype(float)
        same += there @ there.T
    least: FloatArray = np.minimum(1.0, 2.0 ** (1 - (units.shape[1] - same)))
    return least


def _between(rows: FloatArray) -> FloatArray:
    """Return the squared distance of any two rows."""
    products = rows @ rows.T
    squares = np.diag(products)
    distances: FloatArray = np.maximum(0.0, squares[:, None] + squares - 2 * products)
    np.fill_diagonal(distances, 0.0)
    return distances


def _seed_weights(components: Sequence[VarianceComponents]) -> FloatArray:
    """Return the seeds' part of Satterthwaite's sum for each pair: a variance that two methods share counts as one."""
    freedom = np.array([one.degrees_of_freedom or np.inf for one in components])
    between = np.array([one.between_seeds for one in components])
    own = between / [one.num_seeds for one in components]
    alone = own**2 / freedom
    shared = np.equal.outer(between, between) & np.equal.outer(freedom, freedom)
    weights: FloatArray = np.add.outer(alone, alone) + shared * 2 * np.outer(own, own) / freedom
    return weights
