"""Tests of any two of several methods, computed when they are asked for: of 10,000 methods there are 50 million."""

from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from paretune.analysis.statistics.scores import FloatArray

Places = NDArray[np.intp]
"""Places of methods, of shape (methods,)."""


class Tested(NamedTuple):
    """Differences of two methods each, the row's less the column's. Float64 of shape (rows, columns)."""

    centres: FloatArray
    p_values: FloatArray
    """Two-sided, of no difference, before any correction for other comparisons."""


def turned(tested: Tested) -> Tested:
    """Return the differences the other way round, of the same methods at the same places."""
    return tested._replace(centres=-tested.centres)


class PairTests(Protocol):
    """Tests of any two of several methods."""

    def block(self, rows: Places, columns: Places, below: float = np.inf) -> Tested:
        """Return the tests of the methods at `rows` against those at `columns`.

        Where a p-value is not below `below`, another may be given that is not below it either.
        """


class UnpairedTests:
    """Score tests of shares of which only the numbers of questions are known."""

    def __init__(self, shares: FloatArray, counts: FloatArray) -> None:
        """Both have shape (methods,)."""
        self._shares, self._counts = shares, counts

    def block(self, rows: Places, columns: Places, below: float = np.inf) -> Tested:
        """Return what `PairTests` says."""
        one, other = (self._shares[rows], self._counts[rows]), (self._shares[columns], self._counts[columns])
        return Tested(np.subtract.outer(one[0], other[0]), _score_tests(*one, *other, below))


class MixedTests:
    """Methods of which some are paired with each other; any other two are compared by their shares."""

    def __init__(self, paired: PairTests, places: Places, unpaired: PairTests) -> None:
        """`paired` tests the methods at `places`, and `unpaired` any."""
        self._paired, self._places, self._unpaired = paired, places, unpaired

    def block(self, rows: Places, columns: Places, below: float = np.inf) -> Tested:
        """Return what `PairTests` says."""
        found = self._unpaired.block(rows, columns, below)
        ours, theirs = np.isin(rows, self._places), np.isin(columns, self._places)
        paired = self._paired.block(rows[ours], columns[theirs], below)
        for matrix, part in zip(found, paired, strict=True):
            matrix[np.ix_(ours, theirs)] = part
        return found


class SomeTests:
    """The tests of some of several methods."""

    def __init__(self, tests: PairTests, places: Places) -> None:
        self._tests, self._places = tests, places

    def block(self, rows: Places, columns: Places, below: float = np.inf) -> Tested:
        """Return what `PairTests` says."""
        return self._tests.block(self._places[rows], self._places[columns], below)


class TurnedTests:
    """The tests of methods whose values are turned round, so that more is better."""

    def __init__(self, tests: PairTests) -> None:
        self._tests = tests

    def block(self, rows: Places, columns: Places, below: float = np.inf) -> Tested:
        """Return what `PairTests` says."""
        return turned(self._tests.block(rows, columns, below))


class NormalTests:
    """Tests of methods whose draws alone say how sure their differences are."""

    def __init__(self, means: FloatArray, values: FloatArray) -> None:
        """`means` has shape (methods,), `values` (draws, methods)."""
        self._means, self._covariance = means, np.atleast_2d(np.cov(values.T))

    def block(self, rows: Places, columns: Places, below: float = np.inf) -> Tested:
        """Return what `PairTests` says."""
        variances = np.diag(self._covariance)
        together = np.add.outer(variances[rows], variances[columns]) - 2 * self._covariance[np.ix_(rows, columns)]
        errors = np.sqrt(np.maximum(0.0, together))
        centres = np.subtract.outer(self._means[rows], self._means[columns])
        return Tested(centres, two_sided(centres, errors, np.full_like(errors, np.inf), below))


def two_sided(centres: FloatArray, errors: FloatArray, freedom: FloatArray, below: float = np.inf) -> FloatArray:
    """Return the two-sided p-values of Student's t, the normal ones where the degrees of freedom are infinite.

    Without any spread a difference is certain: 0, and 1 where there is none. Where a p-value is not below `below`, it
    may be given as 1: Student's tails are never lighter than the normal ones, which tell quickly.
    """
    from scipy.special import ndtr, ndtri, stdtr

    ratios = np.abs(np.divide(centres, errors, out=np.zeros_like(centres), where=errors > 0))
    found: FloatArray = np.where(errors > 0, 1.0, centres == 0)
    least = -float(ndtri(min(1.0, below / 2))) - 1e-9
    far = (errors > 0) & (ratios >= least)
    beyond, few = -ratios[far], freedom[far]
    tails, known = np.empty_like(beyond), np.isinf(few)
    tails[known], tails[~known] = ndtr(beyond[known]), stdtr(few[~known], beyond[~known])
    found[far] = 2 * tails
    return found


def score_test(shares: FloatArray, counts: FloatArray) -> FloatArray:
    """Return the two-sided p-values of the score test of any two proportions, float64 (methods, methods)."""
    return _score_tests(shares, counts, shares, counts, np.inf)


def _score_tests(
    shares: FloatArray, counts: FloatArray, others: FloatArray, other_counts: FloatArray, below: float
) -> FloatArray:
    pooled = np.add.outer(shares * counts, others * other_counts) / np.add.outer(counts, other_counts)
    errors = np.sqrt(pooled * (1 - pooled) * np.add.outer(1 / counts, 1 / other_counts))
    return two_sided(np.subtract.outer(shares, others), errors, np.full_like(errors, np.inf), below)
