"""Scores of several methods on the same questions or texts, with several seeds."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]


class Scores(NamedTuple):
    """One score for each method, seed and unit. A unit is a question (1 right, 0 wrong) or a text (nats per token)."""

    methods: tuple[str, ...]
    seeds: tuple[int, ...]
    units: tuple[str, ...]
    values: FloatArray
    """Float64 of shape (methods, seeds, units), NaN where there is no score."""
    seed_free: tuple[bool, ...]
    """For each method, whether no seed can change its scores, as with the base model."""

    def shared_by(self, methods: Sequence[str]) -> "Scores":
        """Return the scores of these methods, in this order, on the units that all their seeds have a score for."""
        places = [self.methods.index(method) for method in methods]
        values = self.values[places]
        there = ~np.isnan(values)
        without_seed = np.isnan(values).all(axis=2, keepdims=True)
        whole: NDArray[np.bool_] = np.all(there | without_seed, axis=(0, 1))
        return Scores(
            methods=tuple(methods),
            seeds=self.seeds,
            units=tuple(unit for unit, kept in zip(self.units, whole, strict=True) if kept),
            values=values[:, :, whole],
            seed_free=tuple(self.seed_free[place] for place in places),
        )


def stacked_scores(values: Sequence[Mapping[int, FloatArray]], seed_free: Sequence[bool]) -> Scores:
    """Return scores of methods, given for each by seed for the same units in order, float64 of shape (units,).

    Methods and units are called by their places.
    """
    seeds = sorted({seed for by_seed in values for seed in by_seed})
    num_units = len(next(iter(values[0].values())))
    stacked = np.full((len(values), len(seeds), num_units), np.nan)
    for row, by_seed in enumerate(values):
        for seed, scores in by_seed.items():
            stacked[row, seeds.index(seed)] = scores
    methods, units = (tuple(f"{place:06}" for place in range(number)) for number in (len(values), num_units))
    return Scores(methods, tuple(seeds), units, stacked, tuple(seed_free))
