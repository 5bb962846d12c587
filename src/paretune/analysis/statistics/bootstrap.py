"""What the means of several methods could have been, jointly, had other questions and other seeds been drawn."""

from collections.abc import Iterator, Sequence

import numpy as np

from paretune.analysis.statistics.draws import NUM_DRAWS, Blocks, Draws, spans
from paretune.analysis.statistics.pair_tests import SomeTests, UnpairedTests
from paretune.analysis.statistics.pairs import PairedTests
from paretune.analysis.statistics.scores import FloatArray
from paretune.analysis.statistics.variance import VarianceComponents

_SEED = 20_240_229
_OF_CLUSTERS, _OF_SCALES, _OF_SEEDS = (1, 2, 3)
"""Streams of random numbers of their own: then draws do not depend on how many are made at once."""


def two_way_bootstrap(components: Sequence[VarianceComponents], num_draws: int = NUM_DRAWS) -> Draws:
    """Return draws over units and seeds for methods whose unit means belong to the same units in order.

    Units, or clusters of units, are resampled with replacement, the same ones for all methods (Efron, Annals of
    Statistics 7, 1979); few clusters are spread as Student's t is. Two or three
    seeds are too few to resample: percentile intervals would be too narrow, and noise within a cell would be counted
    thrice (Owen, Annals of Applied Statistics 1, 2007). So each draw takes a seed variance from its fiducial
    distribution, the scaled inverse chi-squared one less the residual, and a normal deviate of that variance (Hannig,
    Iyer and Patterson, JASA 101, 2006). The same input gives the same draws.
    """
    sampling = components[0].sampling
    unit_means = np.stack([one.unit_means for one in components])
    means = unit_means.mean(axis=1)

    def blocks(number: int) -> Iterator[FloatArray]:
        rng, spread_rng = np.random.default_rng(_SEED), np.random.default_rng([_SEED, _OF_CLUSTERS])
        added = sampling.contributions(unit_means)
        shares = np.full(added.shape[1], 1 / added.shape[1])
        seeds = _seed_deviates(components, num_draws)(number)
        for size in spans(num_draws, number):
            values: FloatArray = added @ rng.multinomial(added.shape[1], shares, size=size).T.astype(float)
            if sampling.scope == "new clusters":
                freedom = sampling.freedom(unit_means.shape[1])
                values *= np.sqrt(freedom / spread_rng.chisquare(freedom, size=size))
            values += means[:, None]
            values += next(seeds)
            yield values

    return Draws(means, blocks, PairedTests(components))


def independent_draws(shares: Sequence[float], counts: Sequence[int], num_draws: int = NUM_DRAWS) -> Draws:
    """Return draws for methods of which only the share of right answers and the number of questions are known.

    Draws come from Jeffreys' beta posterior (Brown, Cai and DasGupta, Statistical Science 16, 2001), independently.
    """
    share, count = np.asarray(shares, dtype=float), np.asarray(counts, dtype=float)

    def blocks(number: int) -> Iterator[FloatArray]:
        rng = np.random.default_rng(_SEED)
        right, wrong = share * count + 0.5, (1 - share) * count + 0.5
        for size in spans(num_draws, number):
            yield rng.beta(right, wrong, size=(size, len(share))).T

    return Draws(share, blocks, UnpairedTests(share, count))


def side_by_side(groups: Sequence[tuple[Sequence[int], Draws]], num_methods: int, num_draws: int = NUM_DRAWS) -> Draws:
    """Return one table of draws from groups of methods that are independent of each other.

    Each group says at which places its methods stand; methods in no group have NaN. Any two methods of the first group
    are tested as there, and no others.
    """
    means, numbers = np.full(num_methods, np.nan), np.full(num_methods, -1)
    for places, draws in groups:
        means[list(places)] = draws.means
    pairs = None
    if groups and (tests := groups[0][1].pairs) is not None:
        numbers[list(groups[0][0])] = np.arange(len(groups[0][0]))
        pairs = SomeTests(tests, numbers)

    def blocks(number: int) -> Iterator[FloatArray]:
        parts = [draws.blocks(number) for _, draws in groups]
        for size in spans(num_draws, number):
            block = np.full((num_methods, size), np.nan)
            for (places, _), part in zip(groups, parts, strict=True):
                block[list(places)] = next(part)
            yield block

    return Draws(means, blocks, pairs)


def seed_draws(values: Sequence[Sequence[float]], stream: str, num_draws: int = NUM_DRAWS) -> Blocks:
    """Return draws of the means of a value that was measured once with each seed, for each method.

    Student's t around the mean; the mean itself where there is one seed or all agree, as bytes do; NaN where there is
    no value. Methods are drawn independently, and so are values of other streams.
    """
    found = [np.asarray(one, dtype=float) for one in values]
    means = np.array([one.mean() if len(one) else np.nan for one in found])
    places = [place for place, one in enumerate(found) if len(one) > 1 and one.std() > 0]
    errors = np.array([found[place].std(ddof=1) / len(found[place]) ** 0.5 for place in places])
    freedom = np.array([len(found[place]) - 1.0 for place in places])

    def blocks(number: int) -> Iterator[FloatArray]:
        rng = np.random.default_rng([_SEED, *stream.encode()])
        for size in spans(num_draws, number):
            block = np.repeat(means[:, None], size, axis=1)
            if places:
                block[places] += (errors * rng.standard_t(freedom, size=(size, len(places)))).T
            yield block

    return blocks


def _seed_deviates(components: Sequence[VarianceComponents], num_draws: int) -> Blocks:
    """Return what seeds add to the mean of each method in each draw."""
    freedom = np.array([one.degrees_of_freedom for one in components])
    between = np.array([one.between_seeds for one in components])
    residual = np.array([one.residual for one in components])
    num_seeds = np.array([one.num_seeds for one in components])
    # Without any variance between seeds there is nothing to draw.
    varying = np.flatnonzero(between > 0)
    estimated = np.isfinite(freedom[varying]) & (freedom[varying] > 0)

    def blocks(number: int) -> Iterator[FloatArray]:
        scale_rng, rng = (np.random.default_rng([_SEED, stream]) for stream in (_OF_SCALES, _OF_SEEDS))
        known = freedom[varying][estimated]
        for size in spans(num_draws, number):
            variances = np.repeat(between[varying][None], size, axis=0)
            if len(known):
                scales = np.maximum(scale_rng.chisquare(known, size=(size, len(known))) / known, 1e-12)
                if estimated.all():
                    variances /= scales
                else:  # a copy of the columns, which takes as long as drawing them
                    variances[:, estimated] /= scales
            variances -= residual[varying]
            np.maximum(0.0, variances, out=variances)
            variances /= num_seeds[varying]
            np.sqrt(variances, out=variances)
            variances *= rng.standard_normal(variances.shape)
            block = np.zeros((len(components), size))
            block[varying] = variances.T
            yield block

    return blocks
