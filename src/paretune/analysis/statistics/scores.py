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

    def of(self, method: str) -> FloatArray:
        """Return a method's scores, float64 of shape (its seeds, units): seeds without any score are left out.

        Raises `ValueError` when there is no such method or it has no score at all.
        """
        if method not in self.methods:
            raise ValueError(f'no scores of "{method}"; there are: {", ".join(self.methods)}')
        values = self.values[self.methods.index(method)]
        found: FloatArray = values[~np.isnan(values).all(axis=1)]
        if not len(found):
            raise ValueError(f'"{method}" has no score at all')
        return found

    def is_seed_free(self, method: str) -> bool:
        """Tell whether no seed can change the method's scores."""
        return self.seed_free[self.methods.index(method)]

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


def make_scores(
    found: Mapping[str, Mapping[int, Mapping[str, float]]], seed_free: frozenset[str] = frozenset()
) -> Scores:
    """Return scores given by method, seed and unit. All three axes are sorted: the order of the input is forgotten."""
    methods = tuple(sorted(found))
    seeds = tuple(sorted({seed for by_seed in found.values() for seed in by_seed}))
    units = tuple(sorted({unit for by_seed in found.values() for scores in by_seed.values() for unit in scores}))
    places = {unit: place for place, unit in enumerate(units)}
    values = np.full((len(methods), len(seeds), len(units)), np.nan)
    for row, method in enumerate(methods):
        for seed, scores in found[method].items():
            columns = [places[unit] for unit in scores]
            values[row, seeds.index(seed), columns] = list(scores.values())
    return Scores(methods, seeds, units, values, tuple(method in seed_free for method in methods))
