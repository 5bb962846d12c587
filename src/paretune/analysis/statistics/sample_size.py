"""Which differences questions and seeds can tell, and how many more would tell one."""

import math
from bisect import bisect_left
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from paretune.analysis.statistics.estimate import student_quantile
from paretune.analysis.statistics.pairs import PairedTests
from paretune.analysis.statistics.scores import FloatArray
from paretune.analysis.statistics.variance import VarianceComponents, seeds_variance

_POWER = 0.8
MOST_TIMES = 100
"""Experiments with more than this many times today's questions or seeds are not proposed."""


_MOST_METHODS = 300
"""Pairs of more methods than these say nothing new about the usual standard error."""


class Needed(NamedTuple):
    """What would tell a difference of today's size with 80 % power: either alone suffices. None: it alone cannot, not
    with `MOST_TIMES` as many."""

    more_questions: int | None
    """In as many more clusters, where questions have them and clusters are sampled."""
    more_seeds: int | None
    """For each of the two methods that has seeds: all seeds of the untouched base would give the same."""
    times_both: int | None = None
    """Where neither alone can: so many times today's questions and seeds together. None: not `MOST_TIMES` either."""


def needed(first: VarianceComponents, second: VarianceComponents, num_comparisons: int = 1) -> Needed:
    """Return how many more questions, or seeds for each method, would separate two methods, if the truth is as seen.

    The variance of the difference is A / questions + B / seeds + C / (questions x seeds) with A, B and C estimated from
    the components; the usual normal sample size formula (Miller, arXiv 2411.00640, section 5) at 5 % over
    `num_comparisons`.
    """
    gaps = first.unit_means - second.unit_means
    n = len(gaps)
    difference = abs(float(gaps.mean()))
    if difference == 0:
        return Needed(None, None)
    normal = float("inf")
    sum_of_quantiles = student_quantile(1 - 0.025 / num_comparisons, normal) + student_quantile(_POWER, normal)
    goal = (difference / sum_of_quantiles) ** 2
    residual = first.residual / first.num_seeds + second.residual / second.num_seeds
    items = max(0.0, first.sampling.variance(gaps) - residual) if n > 1 else 0.0
    by_seed = seeds_variance([first, second])
    questions = _more_questions(n, shrinking=items + residual, fixed=by_seed, goal=goal)
    seeds = _more_seeds([first, second], left=goal - items)
    alone = questions is not None or seeds is not None
    return Needed(questions, seeds, None if alone else _times_both(items + by_seed, residual, goal))


def _times_both(single: float, residual: float, goal: float) -> int | None:
    """Return how many times as many of both bring single / times + residual / times^2 down to `goal`."""
    times = math.ceil((single + math.sqrt(single**2 + 4 * residual * goal)) / (2 * goal))
    return times if times <= MOST_TIMES else None


def _more_questions(today: int, *, shrinking: float, fixed: float, goal: float) -> int | None:
    """Return how many more than `today` bring fixed + shrinking x today / number down to `goal`."""
    if fixed >= goal:
        return None
    number = math.ceil(today * shrinking / (goal - fixed))
    return max(0, number - today) if number <= today * MOST_TIMES else None


def _more_seeds(pair: Sequence[VarianceComponents], *, left: float) -> int | None:
    """Return how many more seeds of each method that has several bring what comes from seeds down to `left`."""
    telling = [one for one in pair if one.degrees_of_freedom]
    if left <= 0:
        return None
    if not telling:
        return 0
    # Where the difference of the two is cut off at 0, what is left of the seeds' means is residual noise alone.
    cut_off = seeds_variance(telling) == 0
    variances = [one.residual if cut_off else one.between_seeds for one in telling]
    fewest = min(one.num_seeds for one in telling)

    def enough(more: int) -> bool:
        parts = zip(variances, telling, strict=True)
        return sum(variance / (one.num_seeds + more) for variance, one in parts) <= left

    most = fewest * (MOST_TIMES - 1)
    found = bisect_left(range(most + 1), True, key=enough)
    return found if found <= most else None


class Noise(NamedTuple):
    """How scores vary, assumed before anything has run."""

    gap_variance: float
    """Variance over items of the difference between two methods' scores of an item."""
    seed_deviation: float
    """Standard deviation of a method's mean score between seeds, apart from what items bring."""


ONE_IN_FOUR = 0.25
"""`gap_variance` of right or wrong answers where two methods disagree on one item of four and are equally good. Of the
pairs of single seeds in docs/examples/word-problems, half lie between 0.20 and 0.28."""


def detectable_difference(noise: Noise, num_items: int, num_seeds: int, *, num_methods: int = 2) -> float:
    """Return the smallest true difference of two methods' means that is found significant with 80 % power.

    Variance of the difference: gap_variance / items + 2 seed_deviation^2 / seeds (Miller, arXiv 2411.00640, section 5,
    with a term for seeds); quantiles of Student's t with the degrees of freedom of Satterthwaite, of which the seeds of
    all trained methods together give theirs; 5 % two-sided over all pairs of `num_methods` (Bonferroni). With one
    seed, what another would change is not in it.
    """
    items = noise.gap_variance / num_items
    seeds = 2 * noise.seed_deviation**2 / num_seeds if num_seeds > 1 else 0.0
    freedom = float("inf")
    if seeds:
        freedom = (items + seeds) ** 2 / (seeds**2 / (num_methods * (num_seeds - 1)))
    num_pairs = max(1, num_methods * (num_methods - 1) // 2)
    quantiles = student_quantile(1 - 0.025 / num_pairs, freedom) + student_quantile(_POWER, freedom)
    return quantiles * math.sqrt(items + seeds)


def detectable_now(components: Sequence[VarianceComponents], num_comparisons: int) -> float:
    """Return the true difference of two means that this study finds significant with 80 % power, for half of the pairs.

    The median over pairs of the standard error that they have, times the sum of Student's quantiles at their degrees of
    freedom, at 5 % two-sided over `num_comparisons` (Bonferroni). Of more than `_MOST_METHODS` methods as many are
    looked at, evenly spaced. Raises `ValueError` for fewer than two methods.
    """
    if len(components) < 2:
        raise ValueError("a difference needs two methods")
    spaced = np.unique(np.linspace(0, len(components) - 1, min(len(components), _MOST_METHODS)).astype(int))
    places = np.arange(len(spaced))
    _, errors, freedom = PairedTests([components[place] for place in spaced]).spreads(places, places)
    pairs = np.triu_indices(len(spaced), 1)
    quantiles = sum(_quantiles(part, freedom[pairs]) for part in (1 - 0.025 / num_comparisons, _POWER))
    return float(np.median(quantiles * errors[pairs]))


def _quantiles(probability: float, freedom: FloatArray) -> FloatArray:
    """Return the quantiles of Student's distribution, the normal one where degrees of freedom are infinite."""
    from scipy.special import ndtri, stdtrit

    known = np.isinf(freedom)
    found: FloatArray = np.where(known, ndtri(probability), stdtrit(np.where(known, 1.0, freedom), probability))
    return found
