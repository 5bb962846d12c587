"""Where the uncertainty of a mean score comes from: the questions that were drawn, and the seeds."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from paretune.analysis.statistics.clusters import INDEPENDENT, Sampling
from paretune.analysis.statistics.scores import FloatArray, Scores

_FEWEST_TO_SHARE = 3


class VarianceComponents(NamedTuple):
    """The components of the variance of one method's mean, crossed random effects of units and seeds.

    With y the score of a unit under a seed: y = mean + unit + seed + residual (Searle, Casella and McCulloch, Variance
    Components, 1992, chapter 4). Variances are those of the mean, in squared units of the score.
    """

    unit_means: FloatArray
    """Mean over seeds of each unit's score, float64 of shape (units,). Its spread holds the residual's part too."""
    num_seeds: int
    between_seeds: float
    """Variance (n - 1) of the seeds' means, which holds the residual's part; after `share_seed_variance` moderated."""
    degrees_of_freedom: float
    """Of `between_seeds`: 0 where one seed tells nothing, after `share_seed_variance` at most those of all methods."""
    residual: float
    """The part of `between_seeds` that is residual noise, which `unit_means` hold as well."""
    right_or_wrong: bool = True
    """Whether scores are 1 and 0, and their mean a share; otherwise they are any numbers, as cosines are."""
    sampling: Sampling = INDEPENDENT
    """How the questions were sampled."""

    @property
    def mean(self) -> float:
        """Mean over units and seeds."""
        return float(self.unit_means.mean())

    @property
    def seeds_variance(self) -> float:
        """Variance of the mean that comes from seeds alone: 0 where one seed tells nothing about it."""
        return seeds_variance([self])

    @property
    def units_variance(self) -> float:
        """Variance of the mean that comes from units, and from the residual; 0 with a single unit."""
        return self.sampling.variance(self.unit_means)


def seeds_variance(several: Sequence[VarianceComponents]) -> float:
    """Return the variance that the seeds of several methods bring into a sum or difference of their means.

    The estimates without bias may be negative; their sum is cut off at 0, which biases less than cutting off each.
    """
    telling = [one for one in several if one.degrees_of_freedom]
    return max(0.0, sum((one.between_seeds - one.residual) / one.num_seeds for one in telling))


def variance_components(scores: Scores, sampling: Sampling = INDEPENDENT) -> list[VarianceComponents]:
    """Return the components for each method over the units that all of them share, seed variances moderated.

    `sampling` is that of the units, in their order. Raises `ValueError` when the methods share no unit.
    """
    shared = scores.shared_by(scores.methods)
    if not shared.units:
        raise ValueError("these methods share no question")
    known = shared.values[~np.isnan(shared.values)]
    right_or_wrong = bool(np.isin(known, (0.0, 1.0)).all())
    components = [
        _components(values[~np.isnan(values).all(axis=1)], seed_free, sampling)
        for values, seed_free in zip(shared.values, shared.seed_free, strict=True)
    ]
    return share_seed_variance([one._replace(right_or_wrong=right_or_wrong) for one in components])


def share_seed_variance(components: Sequence[VarianceComponents]) -> list[VarianceComponents]:
    """Return the components with each seed variance drawn towards what the methods have in common.

    Two or three seeds tell little about their own variance; many methods with three seeds each tell much about what
    such variances are like. The empirical Bayes estimate of Smyth, Statistical Applications in Genetics and Molecular
    Biology 3 (2004), weighs the two. With fewer than three methods that have several seeds, nothing is shared.
    """
    telling = [one for one in components if one.degrees_of_freedom and one.between_seeds > 0]
    if len(telling) < _FEWEST_TO_SHARE:
        return list(components)
    prior = _prior([one.between_seeds for one in telling], [one.degrees_of_freedom for one in telling])
    # All methods together know no more of a common variance than their seeds do (as in limma's eBayes).
    most = sum(one.degrees_of_freedom for one in telling)
    moderated = [_moderated(one, *prior) if one.degrees_of_freedom else one for one in components]
    return [one._replace(degrees_of_freedom=min(one.degrees_of_freedom, most)) for one in moderated]


def _components(values: FloatArray, seed_free: bool, sampling: Sampling) -> VarianceComponents:
    """Return the raw components of one method; `values` has shape (seeds, units)."""
    num_seeds = len(values)
    if seed_free:
        return VarianceComponents(values.mean(axis=0), num_seeds, 0.0, 0.0, 0.0, sampling=sampling)
    unit_means, seed_means = values.mean(axis=0), values.mean(axis=1)
    if num_seeds == 1:
        return VarianceComponents(unit_means, 1, 0.0, 0.0, 0.0, sampling=sampling)
    left = values - unit_means - seed_means[:, None] + values.mean()
    residual = sampling.variance(left) / (num_seeds - 1)
    between = float(seed_means.var(ddof=1))
    return VarianceComponents(unit_means, num_seeds, between, num_seeds - 1.0, residual, sampling=sampling)


def _prior(variances: Sequence[float], freedom: Sequence[float]) -> tuple[float, float]:
    """Return degrees of freedom and variance of the common prior, from the moments of log variances (Smyth, 6.2)."""
    from scipy.special import digamma, polygamma

    half = np.array(freedom) / 2
    logs = np.log(variances) - digamma(half) + np.log(half)
    excess = float(logs.var(ddof=1) - polygamma(1, half).mean())
    if excess <= 0:
        return np.inf, float(np.exp(logs.mean()))
    half_prior = _inverse_trigamma(excess)
    return 2 * half_prior, float(np.exp(logs.mean() + digamma(half_prior) - np.log(half_prior)))


def _inverse_trigamma(value: float) -> float:
    """Return the x at which the trigamma function equals `value` > 0."""
    from scipy.optimize import brentq
    from scipy.special import polygamma

    # 1/x < trigamma(x) < 1/x + 1/x^2 for every x > 0, which brackets the root.
    low, high = 1 / value, 1 / value + 1 + 1 / value**0.5
    return float(brentq(lambda x: float(polygamma(1, x)) - value, low, high))


def _moderated(components: VarianceComponents, prior_freedom: float, prior_variance: float) -> VarianceComponents:
    if np.isinf(prior_freedom):
        return components._replace(between_seeds=prior_variance, degrees_of_freedom=np.inf)
    freedom = components.degrees_of_freedom + prior_freedom
    variance = (prior_freedom * prior_variance + components.degrees_of_freedom * components.between_seeds) / freedom
    return components._replace(between_seeds=variance, degrees_of_freedom=freedom)
