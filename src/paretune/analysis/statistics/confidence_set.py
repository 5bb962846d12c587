"""Which methods are better than which, all ordered pairs at once."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from paretune.analysis.statistics.draws import Draws
from paretune.analysis.statistics.holm import Holm
from paretune.analysis.statistics.pair_tests import NormalTests, PairTests, SomeTests, Tested, turned
from paretune.analysis.statistics.scores import FloatArray

SIGNIFICANCE = 0.05
_CELLS_AT_ONCE = 500_000


class ToldApart(NamedTuple):
    """What adjusted p-values say about each method. Arrays of shape (methods,)."""

    num_better: NDArray[np.int64]
    """The number of methods that are significantly better."""
    num_worse: NDArray[np.int64]
    """The number of methods that are significantly worse."""
    least: FloatArray
    """The p-value of being the best: below 0.05 where another is significantly better."""


class AdjustedPairs:
    """Adjusted p-values of "the first method is not better than the second", for all ordered pairs of methods.

    Those below 0.05 are all right with a confidence of 95 %. Holm's step-down correction (Scandinavian Journal of
    Statistics 6, 1979) over all ordered pairs, each with half of its two-sided p-value; with them come the confidence
    sets of ranks of Mogstad, Romano, Shaikh and Wilhelm (Review of Economic Studies 91, 2024). None is below the
    two-sided p-value of its pair by itself, and of two methods it is that. Methods without a value have 1.
    """

    def __init__(self, draws: Draws) -> None:
        num_methods, there = len(draws.means), np.flatnonzero(np.isfinite(draws.means))
        self._numbers = np.full(num_methods, -1)
        self._numbers[there] = np.arange(len(there))
        tests = NormalTests(draws.means, draws.values) if draws.pairs is None else draws.pairs
        self._tests = SomeTests(tests, there)
        found = _pairs_that_matter(self._tests, len(there))
        self._bound, self._holm = _bound(len(there)), Holm(found.p_values, _number(len(there)))
        significant = self._holm(found.doubtful) < SIGNIFICANCE
        num_better, num_worse = (np.zeros(num_methods, dtype=np.int64) for _ in range(2))
        num_better[there] = found.num_better + np.bincount(found.worse[significant], minlength=len(there))
        num_worse[there] = found.num_worse + np.bincount(found.better[significant], minlength=len(there))
        least = np.ones(num_methods)
        least[there] = self._adjusted(found.least)
        self.told_apart = ToldApart(num_better, num_worse, least)

    def at(self, better: int, worse: int) -> float:
        """Return the p-value of "the first method is not better than the second"."""
        return float(self.among([better, worse])[0, 1])

    def among(self, places: Sequence[int]) -> FloatArray:
        """Return the p-values of the methods at these places, float64: row better than column, 1 on the diagonal."""
        numbers = self._numbers[list(places)]
        p_values = np.ones((len(numbers), len(numbers)))
        inside = np.flatnonzero(numbers >= 0)
        one_sided = _one_sided(self._tests.block(numbers[inside], numbers[inside]))
        p_values[np.ix_(inside, inside)] = self._adjusted(one_sided)
        p_values[np.equal.outer(numbers, numbers)] = 1.0
        return p_values

    def _adjusted(self, one_sided: FloatArray) -> FloatArray:
        adjusted, small = np.ones_like(one_sided), one_sided < self._bound
        adjusted[small] = self._holm(one_sided[small])
        return adjusted


def pairwise_p_values(draws: Draws) -> FloatArray:
    """Return the p-values of `AdjustedPairs` for all ordered pairs, float64 (methods, methods)."""
    return AdjustedPairs(draws).among(range(len(draws.means)))


def told_apart(p_values: FloatArray) -> ToldApart:
    """Return what a matrix of adjusted p-values says, those of "the row's method is not better than the column's"."""
    better = p_values < SIGNIFICANCE
    return ToldApart(better.sum(axis=0), better.sum(axis=1), p_values.min(axis=0, initial=1.0))


def _number(num_methods: int) -> int:
    """Return the number of ordered pairs."""
    return num_methods * (num_methods - 1)


def _bound(num_methods: int) -> float:
    """Return the one-sided p-value from which on adjusted ones are 1.

    Of two opposite p-values one is 0.5 or more. So at most half of all n are smaller than any p-value up to 0.5, which
    is therefore multiplied by n / 2 at least.
    """
    return min(1.0, 2 / max(1, _number(num_methods)))


class _Found(NamedTuple):
    """What decides about all pairs. Arrays of shape (methods,), (small p-values,) or (doubtful pairs,)."""

    p_values: FloatArray
    """All one-sided p-values below the bound."""
    least: FloatArray
    """For each method the least p-value of another being better, 1 where none is below the bound."""
    num_better: NDArray[np.int64]
    """For each method the number of those that are better by any step of the correction."""
    num_worse: NDArray[np.int64]
    doubtful: FloatArray
    """P-values of which the correction decides whether they are significant, and whose they are."""
    better: NDArray[np.int64]
    worse: NDArray[np.int64]


def _pairs_that_matter(tests: PairTests, num_methods: int) -> _Found:
    """Return what decides about all pairs, block by block: of 10,000 methods one matrix of them takes 800 MB."""
    bound, sure = _bound(num_methods), SIGNIFICANCE / max(1, _number(num_methods))
    least = np.ones(num_methods)
    num_better, num_worse = (np.zeros(num_methods, dtype=np.int64) for _ in range(2))
    small, doubtful = [np.empty(0)], [(np.empty(0), *(np.empty(0, dtype=np.int64),) * 2)]
    height = max(1, _CELLS_AT_ONCE // max(1, num_methods))
    for start in range(0, num_methods, height):
        rows, columns = np.arange(start, min(start + height, num_methods)), np.arange(start, num_methods)
        tested = tests.block(rows, columns, 2 * bound)
        # First of the rows being better, then of the columns: their losers stand along the other axis.
        for p_values, axis in ((_one_sided(tested), 0), (_one_sided(turned(tested)), 1)):
            p_values[np.tril_indices(len(rows))] = np.inf  # each pair once
            winners, losers = (rows, columns) if axis == 0 else (columns, rows)
            small.append(p_values[p_values < bound])
            least[losers] = np.minimum(least[losers], p_values.min(axis=axis))
            surely = p_values < sure
            num_better[losers] += surely.sum(axis=axis)
            num_worse[winners] += surely.sum(axis=1 - axis)
            ends = np.nonzero(~surely & (p_values < 2 * sure))
            doubtful.append((p_values[ends], winners[ends[axis]], losers[ends[1 - axis]]))
    doubtful_p_values, better, worse = (np.concatenate(parts) for parts in zip(*doubtful, strict=True))
    return _Found(np.concatenate(small), least, num_better, num_worse, doubtful_p_values, better, worse)


def _one_sided(tested: Tested) -> FloatArray:
    found: FloatArray = np.where(tested.centres > 0, tested.p_values / 2, 1 - tested.p_values / 2)
    return found
