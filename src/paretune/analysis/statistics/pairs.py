"""The differences of any two of several methods that answered the same questions, any number of pairs at once."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from paretune.analysis.statistics.pair_tests import Places, Tested, two_sided
from paretune.analysis.statistics.scores import FloatArray
from paretune.analysis.statistics.variance import VarianceComponents

_Numbers = NDArray[np.float64] | NDArray[np.float32]
_SINGLE = np.float32
_MOST_IN_SINGLE = 2**24
"""Whole numbers up to here are exact in single precision."""


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
    """Return the differences of methods whose unit means belong to the same units in order, as `PairedTests` says."""
    tests, places = PairedTests(components), np.arange(len(components))
    return Pairs(*tests.spreads(places, places), tests.block(places, places).p_values)


class PairedTests:
    """The differences of methods whose unit means belong to the same questions in order.

    The variance of the differences by question, or by cluster of questions (Miller, arXiv 2411.00640), plus that of
    each method's seeds, at the degrees of freedom of Satterthwaite (Biometrics Bulletin 2, 1946); a variance of seeds
    that is cut off at 0 lowers them too. For shares of right
    answers the two questions that Bonett and Price (Statistics in Medicine 31, 2012) add, one for each side, are added
    as right by one seed.

    P-values: of shares McNemar's exact test (Psychometrika 12, 1947) for one seed each and independent questions;
    otherwise Student's t, but never below what the sign test could say at best of the questions, or clusters, on which
    the two differ.
    """

    def __init__(self, components: Sequence[VarianceComponents]) -> None:
        self._sampling, self._is_share = components[0].sampling, components[0].right_or_wrong
        self._means = np.stack([one.unit_means for one in components])
        self._totals = self._means.sum(axis=1)
        self._seeds = np.array([one.num_seeds for one in components], dtype=float)
        self._by_questions = self._is_share and not self._sampling.codes
        self._vectors: _Numbers = self._means
        if not self._by_questions:
            self._vectors = self._sampling.contributions(self._means)
        self._scales = np.ones(len(components))
        if self._by_questions and (counts := self._counts_of_right()) is not None:
            self._vectors, self._scales = counts, self._seeds
        self._squares = np.einsum("ij,ij->i", self._vectors, self._vectors, dtype=float) / self._scales**2
        self._between = np.array([one.between_seeds for one in components])
        self._freedom = np.array([one.degrees_of_freedom or np.inf for one in components])
        telling = np.array([one.degrees_of_freedom > 0 for one in components])
        residual = np.array([one.residual for one in components])
        self._from_seeds = (self._between - residual) / self._seeds * telling
        self._levels = self._levels_of_units() if self._is_share and not self._all_exact() else None

    def block(self, rows: Places, columns: Places, below: float = np.inf) -> Tested:
        """Return the differences of the methods at `rows` and `columns` and their two-sided p-values.

        Where a p-value is not below `below`, another may be given that is not below it either.
        """
        centres, errors, freedom = self.spreads(rows, columns)
        p_values = two_sided(centres, errors, freedom, below)
        if self._levels is not None:
            self._raise_to_the_least(p_values, rows, columns, below)
        exact = np.ix_(self._seeds[rows] == 1, self._seeds[columns] == 1)
        if self._by_questions and p_values[exact].size:
            p_values[exact] = self._mcnemar(rows[exact[0].ravel()], columns[exact[1].ravel()], below)
        return Tested(centres, p_values)

    def spreads(self, rows: Places, columns: Places) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Return centres, standard errors and degrees of freedom, float64 of shape (rows, columns) each."""
        n = self._means.shape[1]
        totals = np.subtract.outer(self._totals[rows], self._totals[columns])
        most_seeds = np.maximum.outer(self._seeds[rows], self._seeds[columns])
        units, size = self._distances(rows, columns), n
        if self._is_share:
            size, added = n + 2, 2 / most_seeds**2
            if self._sampling.codes:
                units = units * (n / size) ** 2 + added / size**2
            else:
                units = (units + added - totals**2 / size) / size**2
        from_seeds = np.maximum(0.0, np.add.outer(self._from_seeds[rows], self._from_seeds[columns]))
        weights = units**2 / self._sampling.freedom(n) + self._seed_weights(rows, columns)
        together = units + from_seeds
        freedom = np.divide(together**2, weights, out=np.full_like(weights, np.inf), where=weights > 0)
        if self._by_questions:
            freedom[most_seeds == 1] = np.inf
        return totals / size, np.sqrt(together), freedom

    def _distances(self, rows: Places, columns: Places) -> FloatArray:
        """Return the squared distance of any two methods' vectors."""
        products = (self._vectors[rows] @ self._vectors[columns].T).astype(float)
        products /= np.outer(self._scales[rows], self._scales[columns])
        found: FloatArray = np.add.outer(self._squares[rows], self._squares[columns]) - 2 * products
        np.maximum(0.0, found, out=found)
        found[np.equal.outer(rows, columns)] = 0.0
        return found

    def _seed_weights(self, rows: Places, columns: Places) -> FloatArray:
        """Return the seeds' part of Satterthwaite's sum: a variance that two methods share counts as one."""
        own = self._between / self._seeds
        alone = own**2 / self._freedom
        shared = np.equal.outer(self._between[rows], self._between[columns])
        shared &= np.equal.outer(self._freedom[rows], self._freedom[columns])
        weights: FloatArray = np.add.outer(alone[rows], alone[columns])
        if shared.any():
            weights += shared * np.outer(2 * own[rows] / self._freedom[rows], own[columns])
        return weights

    def _counts_of_right(self) -> _Numbers | None:
        """Return how many seeds got each question right, (methods, questions); None where means are no such shares.

        Sums of their products are whole numbers and exact, so that blocks of any size give the same.
        """
        counts = self._means * self._seeds[:, None]
        whole: FloatArray = counts.round()
        if np.abs(whole - counts).max() > 1e-6:
            return None
        small = self._means.shape[1] * self._seeds.max() ** 2 < _MOST_IN_SINGLE
        return whole.astype(_SINGLE) if small else whole

    def _all_exact(self) -> bool:
        return self._by_questions and bool(self._seeds.max() == 1)

    def _levels_of_units(self) -> NDArray[np.int32]:
        """Return a number for each value that a unit's mean, or a cluster's sum, has: equal values, equal numbers."""
        units = self._means
        if self._sampling.scope == "new clusters":
            units = np.stack([np.bincount(self._sampling.codes, weights=row) for row in self._means])
        levels = np.unique(units.round(9), return_inverse=True)[1]
        return levels.reshape(units.shape).astype(np.int32)

    def _raise_to_the_least(self, p_values: FloatArray, rows: Places, columns: Places, below: float) -> None:
        """Raise p-values to what the sign test could say at best: of k units answered differently, 2^(1-k)."""
        assert self._levels is not None
        ours, theirs = self._levels[rows], self._levels[columns]
        same = np.zeros(p_values.shape, dtype=_SINGLE)
        for level in range(int(self._levels.max()) + 1):
            same += (ours == level).astype(_SINGLE) @ (theirs == level).astype(_SINGLE).T
        num_units = self._levels.shape[1]
        least = np.minimum(1.0, 2.0 ** (1.0 - np.arange(num_units + 1)))
        small = p_values < below
        p_values[small] = np.maximum(p_values[small], least[num_units - same[small].astype(np.intp)])

    def _mcnemar(self, rows: Places, columns: Places, below: float) -> FloatArray:
        """Return McNemar's exact p-value of methods whose answers are 1 or 0, or 1 where it is not below `below`."""
        from scipy.special import bdtr, bdtrik

        right, left = self._means[rows].astype(_SINGLE), self._means[columns].astype(_SINGLE)
        both = right @ left.T
        only_row, only_column = right.sum(axis=1)[:, None] - both, left.sum(axis=1) - both
        fewer, total = np.minimum(only_row, only_column), (only_row + only_column).astype(np.int64)
        # The most of `fewer` with which a p-value can be below the bound, for each total.
        most = np.full(self._means.shape[1] + 1, np.inf)
        if below < 1:
            least = np.floor(bdtrik(below / 2, np.arange(len(most)), 0.5)) + 1
            most = np.where(np.isnan(least), most, least)
        small = (total > 0) & (fewer <= most[total])
        found = np.ones(total.shape)
        found[small] = np.minimum(1.0, 2 * bdtr(fewer[small].astype(float), total[small], 0.5))
        return found
