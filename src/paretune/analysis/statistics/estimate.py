"""A method's main metric with its interval, and how much of the width questions and seeds are to blame for."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from paretune.analysis.statistics.intervals import Interval, wilson
from paretune.analysis.statistics.variance import VarianceComponents, seeds_variance


class Estimate(NamedTuple):
    """A mean score, such as the share of right answers, and how sure it is."""

    mean: float
    interval: Interval
    """95 % interval. With several seeds it covers what other questions and other seeds would change."""
    questions_standard_error: float
    seeds_standard_error: float | None
    """None where a single seed tells nothing about it."""
    num_questions: int
    num_seeds: int
    seeds_freedom: float = 0.0
    """Degrees of freedom of the seed variance, more than its own seeds have where it was moderated; 0 without one."""


def accuracy_estimate(components: VarianceComponents) -> Estimate:
    """Return the accuracy of a method from the components of its variance, scores being 0 and 1.

    With one seed and independent questions this is the Wilson interval. With several seeds, or with clusters, it is
    Wilson's interval for the number of independent answers that would leave the same variance, with Student's t at
    Satterthwaite's degrees of freedom in place of the normal quantile: the form in use for surveys (Dean and Pagano,
    Journal of Survey Statistics and Methodology 3, 2015), which stays inside 0 to 1 and keeps a width where every
    answer is right.
    """
    num_questions, mean = len(components.unit_means), components.mean
    variance = components.units_variance + components.seeds_variance
    seeds_error = components.seeds_variance**0.5 if components.degrees_of_freedom else None
    if variance == 0 or (components.degrees_of_freedom == 0 and not components.sampling.codes):
        interval = wilson(mean * num_questions, num_questions)
    else:
        freedom = freedom_of([components], components.units_variance, components.sampling.freedom(num_questions))
        quantile = student_quantile(0.975, freedom)
        effective = min(max(1.0, mean * (1 - mean) / variance), num_questions * components.num_seeds)
        interval = wilson(mean * effective, effective, quantile)
    units_error, freedom = components.units_variance**0.5, components.degrees_of_freedom
    return Estimate(mean, interval, units_error, seeds_error, num_questions, components.num_seeds, freedom)


def mean_estimate(components: VarianceComponents) -> Estimate:
    """Return the mean score of a method from the components of its variance: a share as `accuracy_estimate` does.

    Of other scores the interval is Student's, over questions and, with several seeds, over seeds.
    """
    if components.right_or_wrong:
        return accuracy_estimate(components)
    num_questions, mean = len(components.unit_means), components.mean
    error = (components.units_variance + components.seeds_variance) ** 0.5
    freedom = freedom_of([components], components.units_variance, components.sampling.freedom(num_questions))
    half = student_quantile(0.975, freedom) * error if error else 0.0
    seeds_error = components.seeds_variance**0.5 if components.degrees_of_freedom else None
    interval = Interval(mean - half, mean + half)
    units_error, seeds_freedom = components.units_variance**0.5, components.degrees_of_freedom
    return Estimate(mean, interval, units_error, seeds_error, num_questions, components.num_seeds, seeds_freedom)


def one_run_estimate(values: Sequence[float], share: bool) -> Estimate:
    """Return the mean of the scores of one run on independent questions; `share` says whether they lie from 0 to 1."""
    right_or_wrong = share and set(values) <= {0.0, 1.0}
    return mean_estimate(VarianceComponents(np.asarray(values), 1, 0.0, 0.0, 0.0, right_or_wrong))


def freedom_of(several: Sequence[VarianceComponents], units_variance: float, units_freedom: float) -> float:
    """Return the degrees of freedom of a sum of variances: that of units and each method's of its seeds.

    Satterthwaite, Biometrics Bulletin 2 (1946). Infinite where nothing is estimated from few values. A variance of
    seeds that is cut off at 0 is no surer than one just above: its seeds count all the same.
    """
    from_seeds = seeds_variance(several)
    weights = units_variance**2 / units_freedom
    for components in several:
        if components.degrees_of_freedom:
            weights += (components.between_seeds / components.num_seeds) ** 2 / components.degrees_of_freedom
    return (units_variance + from_seeds) ** 2 / weights if weights > 0 else float("inf")


def student_quantile(probability: float, freedom: float) -> float:
    """Return the quantile of Student's distribution, the normal one where `freedom` is infinite."""
    from scipy.special import ndtri, stdtrit

    return float(ndtri(probability) if freedom == float("inf") else stdtrit(freedom, probability))
