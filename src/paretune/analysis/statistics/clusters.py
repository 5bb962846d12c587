"""How questions are sampled: independently, in new clusters, or anew within the same clusters."""

from collections.abc import Sequence
from functools import lru_cache
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
Scope = Literal["questions", "new clusters", "same clusters"]
"""What an interval speaks of: new questions, questions of new clusters, or new questions of the same clusters."""

FEWEST_FOR_NEW_CLUSTERS = 10
"""With fewer clusters, what is said by default is about new questions of the same clusters."""


class Sampling(NamedTuple):
    """How the questions behind several means were sampled."""

    scope: Scope = "questions"
    codes: tuple[int, ...] = ()
    """The cluster of each question, from 0 on; empty where questions are independent."""

    @property
    def num_clusters(self) -> int:
        """Return the number of clusters, 0 where questions are independent."""
        return len(set(self.codes))

    def freedom(self, num_units: int) -> float:
        """Return the degrees of freedom of a variance over this many questions, at least 1.

        Of clusters of unequal size they are those of the effective number, 1 / sum of squared shares.
        """
        if self.scope == "new clusters":
            squares = float((self._shares() ** 2).sum())
            return 1 / squares - 1 if squares < 0.5 else 1.0
        return float(max(1, num_units - max(1, self.num_clusters)))

    def variance(self, values: FloatArray) -> float:
        """Return the variance of the mean of values of shape (questions,), or the sum of that of several rows."""
        n: int = values.shape[-1]
        if self.scope != "questions":
            return float(np.square(self.contributions(values)).sum())
        return float(((values - values.mean(axis=-1, keepdims=True)) ** 2).sum()) / (n * max(1, n - 1))

    def contributions(self, values: FloatArray) -> FloatArray:
        """Return what each question, or cluster, adds to the error of the mean: float64, (..., questions or clusters).

        `values` has shape (..., questions). Sums of products over the last axis estimate the covariances of the means:
        the cluster-robust ones (Miller, arXiv 2411.00640, section 2.2) with the factor that makes them unbiased where
        cluster means have one variance, and the stratified ones (Cochran, Sampling Techniques, 1977, chapter 5).
        """
        n = values.shape[-1]
        if self.scope == "questions":
            alone: FloatArray = (values - values.mean(axis=-1, keepdims=True)) / n * _unbiased(np.full(n, 1 / n))
            return alone
        if self.scope == "new clusters":
            order, starts = _by_cluster(self.codes)
            deviations = (values - values.mean(axis=-1, keepdims=True))[..., order]
            found: FloatArray = np.add.reduceat(deviations, starts, axis=-1) / n
            return found * _unbiased(self._shares())
        within: FloatArray = _within(values, np.asarray(self.codes)) / n
        return within

    def _shares(self) -> FloatArray:
        shares: FloatArray = np.bincount(self.codes) / len(self.codes)
        return shares


INDEPENDENT = Sampling()


def sampling_of(clusters: Sequence[str | None], scope: Scope | None = None) -> Sampling:
    """Return how questions with these clusters were sampled; a question without a cluster is a cluster of its own.

    By default clusters count as sampled, which also holds for the same clusters; where there are fewer than
    `FEWEST_FOR_NEW_CLUSTERS`, they count as fixed. Without any cluster, or with one alone, questions are independent.
    """
    names = [cluster if cluster is not None else ("", place) for place, cluster in enumerate(clusters)]
    found = {name: code for code, name in enumerate(dict.fromkeys(names))}
    if scope == "questions" or not any(clusters) or len(found) < 2:
        return INDEPENDENT
    default: Scope = "new clusters" if len(found) >= FEWEST_FOR_NEW_CLUSTERS else "same clusters"
    return Sampling(scope or default, tuple(found[name] for name in names))


@lru_cache(maxsize=64)
def _by_cluster(codes: tuple[int, ...]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the order that puts the questions of each cluster side by side, and where each cluster begins in it."""
    order = np.argsort(np.asarray(codes), kind="stable")
    starts = np.concatenate([[0], np.cumsum(np.bincount(codes))[:-1]])
    return order, starts


def _unbiased(shares: FloatArray) -> float:
    squares = float((shares**2).sum())
    left = squares * (1 + squares) - 2 * float((shares**3).sum())
    return (squares / left) ** 0.5 if left > 1e-12 else 0.0


def _within(values: FloatArray, codes: NDArray[np.int64]) -> FloatArray:
    """Return deviations from the cluster's mean; clusters of one question form a stratum together."""
    sizes = np.bincount(codes)
    strata = np.where(sizes[codes] == 1, len(sizes), codes)
    found = np.zeros_like(values)
    for stratum in np.unique(strata):
        inside = strata == stratum
        size = int(inside.sum())
        part = values[..., inside]
        if size > 1:
            found[..., inside] = (part - part.mean(axis=-1, keepdims=True)) * (size / (size - 1)) ** 0.5
    return found
