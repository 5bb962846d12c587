"""What the means of several methods could have been, jointly, had other questions and other seeds been drawn."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from paretune.analysis.statistics.intervals import Interval
from paretune.analysis.statistics.pairs import Pairs, pairs_of, score_test, two_sided
from paretune.analysis.statistics.scores import FloatArray
from paretune.analysis.statistics.variance import VarianceComponents

NUM_DRAWS = 10_000
_SEED = 20_240_229
_CELLS_AT_ONCE = 4_000_000


class Draws(NamedTuple):
    """Means of several methods, and bootstrap draws of them."""

    means: FloatArray
    """Float64 of shape (methods,)."""
    values: FloatArray
    """Float64 of shape (draws, methods). Within a draw all methods answer the same questions."""
    pairs: Pairs | None = None
    """Differences of any two methods; None where nothing but the draws says how sure these are."""

    def interval(self, method: int) -> Interval:
        """Return the 95 % percentile interval of the method at this place."""
        low, high = np.quantile(self.values[:, method], [0.025, 0.975])
        return Interval(float(low), float(high))

    def subset(self, places: Sequence[int]) -> "Draws":
        """Return the draws of the methods at these places alone."""
        chosen = list(places)
        square = np.ix_(chosen, chosen)
        pairs = self.pairs and Pairs(*(matrix[square] for matrix in self.pairs))
        return Draws(self.means[chosen], self.values[:, chosen], pairs)


def two_way_bootstrap(components: Sequence[VarianceComponents], num_draws: int = NUM_DRAWS) -> Draws:
    """Return draws over units and seeds for methods whose unit means belong to the same units in order.

    Units, or clusters of units, are resampled with replacement, the same ones for all methods (Efron, Annals of
    Statistics 7, 1979); few clusters are spread as Student's t is. Two or three
    seeds are too few to resample: percentile intervals would be too narrow, and noise within a cell would be counted
    thrice (Owen, Annals of Applied Statistics 1, 2007). So each draw takes a seed variance from its fiducial
    distribution, the scaled inverse chi-squared one less the residual, and a normal deviate of that variance (Hannig,
    Iyer and Patterson, JASA 101, 2006). The same input gives the same draws.
    """
    rng = np.random.default_rng(_SEED)
    sampling = components[0].sampling
    unit_means = np.stack([one.unit_means for one in components])
    added = sampling.contributions(unit_means)
    num_added = added.shape[1]
    values = np.empty((num_draws, len(components)))
    rows = max(1, _CELLS_AT_ONCE // num_added)
    for start in range(0, num_draws, rows):
        size = min(rows, num_draws - start)
        weights = rng.multinomial(num_added, np.full(num_added, 1 / num_added), size=size)
        values[start : start + size] = weights @ added.T
    if sampling.scope == "new clusters":
        freedom = sampling.freedom(unit_means.shape[1])
        values *= np.sqrt(freedom / rng.chisquare(freedom, size=(num_draws, 1)))
    values += unit_means.mean(axis=1)
    for place, one in enumerate(components):
        values[:, place] += _seed_deviates(one, num_draws, rng)
    return Draws(unit_means.mean(axis=1), values, pairs_of(components))


def independent_draws(shares: Sequence[float], counts: Sequence[int], num_draws: int = NUM_DRAWS) -> Draws:
    """Return draws for methods of which only the share of right answers and the number of questions are known.

    Draws come from Jeffreys' beta posterior (Brown, Cai and DasGupta, Statistical Science 16, 2001), independently.
    """
    rng = np.random.default_rng(_SEED)
    share, count = np.asarray(shares, dtype=float), np.asarray(counts, dtype=float)
    values = rng.beta(share * count + 0.5, (1 - share) * count + 0.5, size=(num_draws, len(share)))
    variances = values.var(axis=0)
    errors = np.sqrt(variances[:, None] + variances)
    normal = np.full_like(errors, np.inf)
    return Draws(share, values, Pairs(share[:, None] - share, errors, normal, score_test(share, count)))


def side_by_side(groups: Sequence[tuple[Sequence[int], Draws]], num_methods: int, num_draws: int = NUM_DRAWS) -> Draws:
    """Return one table of draws from groups of methods that are independent of each other.

    Each group says at which places its methods stand; methods in no group have NaN.
    """
    size = num_methods
    whole = Draws(np.full(size, np.nan), np.full((num_draws, size), np.nan))
    for places, draws in groups:
        chosen = list(places)
        whole.means[chosen] = draws.means
        whole.values[:, chosen] = draws.values
    variances = whole.values.var(axis=0)
    apart = np.sqrt(np.add.outer(variances, variances))
    centres, normal = whole.means[:, None] - whole.means, np.full_like(apart, np.inf)
    pairs = Pairs(centres, apart, normal, two_sided(centres, apart, normal))
    for places, draws in groups:
        if draws.pairs is not None:
            for matrix, part in zip(pairs, draws.pairs, strict=True):
                matrix[np.ix_(list(places), list(places))] = part
    return whole._replace(pairs=pairs)


def seed_draws(values: Sequence[float], rng: np.random.Generator, num_draws: int = NUM_DRAWS) -> FloatArray:
    """Return draws of the mean of a value that was measured once with each seed, float64 of shape (draws,).

    Student's t around the mean; the mean itself where there is one seed or all agree, as bytes do.
    """
    found = np.asarray(values, dtype=float)
    if len(found) < 2 or found.std() == 0:
        return np.full(num_draws, found.mean())
    error = found.std(ddof=1) / len(found) ** 0.5
    drawn: FloatArray = found.mean() + error * rng.standard_t(len(found) - 1, size=num_draws)
    return drawn


def _seed_deviates(components: VarianceComponents, num_draws: int, rng: np.random.Generator) -> FloatArray:
    freedom = components.degrees_of_freedom
    scale = rng.chisquare(freedom, size=num_draws) / freedom if 0 < freedom < np.inf else np.ones(num_draws)
    total = components.between_seeds / np.maximum(scale, 1e-12)
    variance = np.maximum(0.0, total - components.residual) / components.num_seeds
    deviates: FloatArray = rng.standard_normal(num_draws) * np.sqrt(variance)
    return deviates
