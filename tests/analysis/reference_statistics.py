"""Statistics of pairs and draws in their plainest form, on whole matrices, to compare the ones in use with.

Everything is held at once and every pair is computed, which does for a few hundred methods.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from paretune.analysis.statistics.scores import FloatArray
from paretune.analysis.statistics.variance import VarianceComponents

_SEED = 1


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


def reference_pairs(components: Sequence[VarianceComponents]) -> Pairs:
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


def reference_adjusted(centres: FloatArray, p_values: FloatArray) -> FloatArray:
    """Return the adjusted one-sided p-values of all ordered pairs; a method against itself has 1."""
    pairs = ~np.eye(len(centres), dtype=bool)
    one_sided = np.where(centres > 0, p_values / 2, 1 - p_values / 2)[pairs]
    order = np.argsort(one_sided, kind="stable")
    adjusted = np.empty_like(one_sided)
    adjusted[order] = np.maximum.accumulate(one_sided[order] * np.arange(len(order), 0, -1))
    found = np.ones_like(centres)
    found[pairs] = np.minimum(1.0, adjusted)
    return found


def reference_draws(components: Sequence[VarianceComponents], num_draws: int) -> FloatArray:
    """Return draws of the means, float64 of shape (draws, methods)."""
    rng = np.random.default_rng(_SEED)
    sampling = components[0].sampling
    unit_means = np.stack([one.unit_means for one in components])
    added = sampling.contributions(unit_means)
    num_added = added.shape[1]
    values = np.empty((num_draws, len(components)))
    weights = rng.multinomial(num_added, np.full(num_added, 1 / num_added), size=num_draws)
    values[:] = weights @ added.T
    if sampling.scope == "new clusters":
        freedom = sampling.freedom(unit_means.shape[1])
        values *= np.sqrt(freedom / rng.chisquare(freedom, size=(num_draws, 1)))
    values += unit_means.mean(axis=1)
    for place, one in enumerate(components):
        values[:, place] += _seed_deviates(one, num_draws, rng)
    return values


def _seed_deviates(components: VarianceComponents, num_draws: int, rng: np.random.Generator) -> FloatArray:
    freedom = components.degrees_of_freedom
    scale = rng.chisquare(freedom, size=num_draws) / freedom if 0 < freedom < np.inf else np.ones(num_draws)
    total = components.between_seeds / np.maximum(scale, 1e-12)
    variance = np.maximum(0.0, total - components.residual) / components.num_seeds
    deviates: FloatArray = rng.standard_normal(num_draws) * np.sqrt(variance)
    return deviates


def reference_times_on_front(one: FloatArray, other: FloatArray) -> NDArray[np.int64]:
    """Return in how many draws each method is dominated by none, of two costs (draws, methods), method by method."""
    times = np.zeros(one.shape[1], dtype=np.int64)
    for method in range(one.shape[1]):
        first, second = one[:, [method]], other[:, [method]]
        dominated = (one <= first) & (other <= second) & ((one < first) | (other < second))
        times[method] = (~dominated.any(axis=1)).sum()
    return times
