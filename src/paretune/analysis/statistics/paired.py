"""Differences between two methods on the same questions."""

from typing import NamedTuple

import numpy as np

from paretune.analysis.statistics.estimate import student_quantile
from paretune.analysis.statistics.intervals import Interval, wilson
from paretune.analysis.statistics.pair_tests import score_test
from paretune.analysis.statistics.pairs import pairs_of
from paretune.analysis.statistics.variance import VarianceComponents, seeds_variance


class Difference(NamedTuple):
    """How much higher the main metric of the first of two methods is: 0.01 of a share is one point."""

    value: float
    interval: Interval
    """95 % interval."""
    p_value: float
    """Two-sided, of no difference, before any correction for other comparisons."""
    test: str
    """How the p-value was found."""
    centre: float
    """Middle of the interval, of shares drawn slightly towards 0 so that few questions are not trusted too far."""
    standard_error: float
    degrees_of_freedom: float
    questions_variance: float
    seeds_variance: float
    num_questions: int
    num_seeds: tuple[int, int]
    paired: bool
    """Whether both answered the same questions and each answer is known."""


def paired_difference(
    first: VarianceComponents, second: VarianceComponents, *, items: str = "questions", widest: float = float("inf")
) -> Difference:
    """Return the difference of two methods whose unit means belong to the same questions in order.

    Interval, error and p-value are those of `pairs_of`: for one seed each the interval of Bonett and Price and
    McNemar's exact test. Seeds of two methods are independent. `items` is what the questions are called, and no two
    means are further apart than `widest`. Raises `ValueError` when the methods have different questions.
    """
    if first.unit_means.shape != second.unit_means.shape:
        raise ValueError("the methods do not have the same questions")
    centres, errors, freedom, p_values = pairs_of([first, second])
    p_value = float(p_values[0, 1])
    from_seeds = seeds_variance([first, second])
    units = max(0.0, float(errors[0, 1]) ** 2 - from_seeds)
    spread = _Spread(float(centres[0, 1]), units, from_seeds, float(freedom[0, 1]))
    gaps = first.unit_means - second.unit_means
    several = first.num_seeds > 1 or second.num_seeds > 1
    sampling = first.sampling
    if several or sampling.codes or not first.right_or_wrong:
        test = f"t test, paired by {items.removesuffix('s')}"
        test += f", over clusters of {items}" if sampling.scope == "new clusters" else ""
        test += "; seeds count as independent, not as pairs" if several else ""
    else:
        test = "exact McNemar test"
    low, high = spread.interval
    most = min(1.0, widest) if first.right_or_wrong else widest
    found = _difference(first, second, spread, p_value, test)
    return found._replace(value=float(gaps.mean()), interval=Interval(max(-most, low), min(most, high)))


class _Spread(NamedTuple):
    """How a difference is distributed: Student's t around its centre."""

    centre: float
    units_variance: float
    seeds_variance: float
    degrees_of_freedom: float

    @property
    def error(self) -> float:
        """Return the standard error."""
        return float((self.units_variance + self.seeds_variance) ** 0.5)

    @property
    def interval(self) -> Interval:
        """Return the 95 % interval; without any spread, the centre alone."""
        half = student_quantile(0.975, self.degrees_of_freedom) * self.error if self.error else 0.0
        return Interval(self.centre - half, self.centre + half)


def _difference(
    first: VarianceComponents, second: VarianceComponents, spread: _Spread, p_value: float, test: str
) -> Difference:
    return Difference(
        value=spread.centre,
        interval=spread.interval,
        p_value=p_value,
        test=test,
        centre=spread.centre,
        standard_error=spread.error,
        degrees_of_freedom=spread.degrees_of_freedom,
        questions_variance=spread.units_variance,
        seeds_variance=spread.seeds_variance,
        num_questions=len(first.unit_means),
        num_seeds=(first.num_seeds, second.num_seeds),
        paired=True,
    )


def unpaired_difference(first: float, num_first: int, second: float, num_second: int) -> Difference:
    """Return the difference of two accuracies of which only the means and the numbers of questions are known.

    Interval: Newcombe's method 10 (Statistics in Medicine 17, 1998, 873), from two Wilson intervals. Test: the score
    test of two proportions. One seed's noise at most is covered. Raises `ValueError` where a number is not positive.
    """
    one, other = wilson(first * num_first, num_first), wilson(second * num_second, num_second)
    value = first - second
    below = ((first - one.low) ** 2 + (other.high - second) ** 2) ** 0.5
    above = ((one.high - first) ** 2 + (second - other.low) ** 2) ** 0.5
    p_values = score_test(np.array([first, second]), np.array([num_first, num_second], dtype=float))
    return Difference(
        value=value,
        interval=Interval(value - below, value + above),
        p_value=float(p_values[0, 1]),
        test="score test of two proportions, unpaired",
        centre=value,
        standard_error=(first * (1 - first) / num_first + second * (1 - second) / num_second) ** 0.5,
        degrees_of_freedom=float("inf"),
        questions_variance=first * (1 - first) / num_first + second * (1 - second) / num_second,
        seeds_variance=0.0,
        num_questions=min(num_first, num_second),
        num_seeds=(1, 1),
        paired=False,
    )


def lower_bound(difference: Difference, confidence: float = 0.95) -> float:
    """Return the one-sided lower confidence bound of a difference.

    The first method is non-inferior within a margin, fixed in advance, when this lies above minus the margin (ICH E9,
    Statistics in Medicine 18, 1999, section 3.3.2).
    """
    return difference.centre - student_quantile(confidence, difference.degrees_of_freedom) * difference.standard_error


def p_above(difference: Difference, least: float) -> float:
    """Return the one-sided p-value of "the difference is at most `least`": small where it is larger for certain."""
    from scipy.special import ndtr, stdtr

    if difference.standard_error == 0:
        return 0.0 if difference.centre > least else 1.0
    statistic = (difference.centre - least) / difference.standard_error
    freedom = difference.degrees_of_freedom
    return float(ndtr(-statistic) if np.isinf(freedom) else stdtr(freedom, -statistic))
