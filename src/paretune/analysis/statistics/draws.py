"""Joint draws of what the means of several methods could have been, made block by block."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from paretune.analysis.statistics.intervals import Interval
from paretune.analysis.statistics.pair_tests import PairTests, SomeTests, TurnedTests
from paretune.analysis.statistics.scores import FloatArray

NUM_DRAWS = 10_000
_CELLS_AT_ONCE = 1_000_000

Blocks = Callable[[int], Iterator[FloatArray]]
"""Yields draws from the first one on, float64 of shape (methods, draws), at most as many at a time as it is called
with. Up to rounding the draws do not depend on that number, and every call yields the same ones."""


def at_once(num_methods: int) -> int:
    """Return how many draws of so many methods are held at a time."""
    return max(1, _CELLS_AT_ONCE // max(1, num_methods))


@dataclass(frozen=True)
class Draws:
    """Means of several methods, and draws of them. Within a draw all methods answer the same questions."""

    means: FloatArray
    """Float64 of shape (methods,)."""
    blocks: Blocks
    pairs: PairTests | None = None
    """Differences of any two methods; None where nothing but the draws says how sure these are."""

    @cached_property
    def values(self) -> FloatArray:
        """All draws, float64 of shape (draws, methods): 80 kB a method with 10,000 draws."""
        return whole(self.blocks, len(self.means))

    def interval(self, method: int) -> Interval:
        """Return the 95 % percentile interval of the method at this place."""
        low, high = np.quantile(self.values[:, method], [0.025, 0.975])
        return Interval(float(low), float(high))

    def subset(self, places: Sequence[int]) -> "Draws":
        """Return the draws of the methods at these places alone."""
        chosen = np.array(places, dtype=np.intp)
        pairs = None if self.pairs is None else SomeTests(self.pairs, chosen)
        return replace(self, means=self.means[chosen], blocks=mapped(self.blocks, lambda one: one[chosen]), pairs=pairs)


def fixed_draws(means: FloatArray, values: FloatArray) -> Draws:
    """Return draws that are there already, `values` of shape (draws, methods)."""
    return Draws(means, blocks_of(values))


def turned_draws(draws: Draws) -> Draws:
    """Return draws of which more is better, where less was."""
    pairs = None if draws.pairs is None else TurnedTests(draws.pairs)
    return Draws(-draws.means, mapped(draws.blocks, np.negative), pairs)


def blocks_of(values: FloatArray) -> Blocks:
    """Return the blocks of draws that are there already, of shape (draws, methods)."""

    def blocks(number: int) -> Iterator[FloatArray]:
        for start in range(0, len(values), number):
            yield values[start : start + number].T

    return blocks


def whole(blocks: Blocks, num_methods: int) -> FloatArray:
    """Return all draws, float64 of shape (draws, methods)."""
    return np.concatenate([block.T for block in blocks(at_once(num_methods))])


def mapped(blocks: Blocks, function: Callable[[FloatArray], FloatArray]) -> Blocks:
    """Return the blocks with a function applied to each."""
    return lambda number: map(function, blocks(number))


def spans(num_draws: int, number: int) -> Iterator[int]:
    """Yield how many draws each block holds."""
    for start in range(0, num_draws, number):
        yield min(number, num_draws - start)
