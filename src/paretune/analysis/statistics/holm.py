"""Holm's step-down correction of more p-values than are held."""

import numpy as np

from paretune.analysis.statistics.scores import FloatArray

_AT_ONCE = 1_000_000


class Holm:
    """The correction for a number of hypotheses, of which only the small p-values are known one by one.

    Holm (Scandinavian Journal of Statistics 6, 1979): the k-th smallest of n p-values is multiplied by n - k + 1, and
    no adjusted p-value is below that of a smaller one.
    """

    def __init__(self, small: FloatArray, number: int) -> None:
        """`small` holds all p-values that are below some bound, of shape (p-values,), and is sorted in place."""
        small.sort()
        self._small, self._number = small, number
        # The largest product up to the end of each stretch.
        products = [self._products(start).max() for start in range(0, len(small), _AT_ONCE)]
        self._largest = np.maximum.accumulate([0.0, *products])

    def __call__(self, p_values: FloatArray) -> FloatArray:
        """Return p-values adjusted, of the same shape, for p-values that lie below the bound."""
        asked, places = np.unique(p_values, return_inverse=True)
        before = np.searchsorted(self._small, asked)  # p-values that are smaller
        adjusted = asked * (self._number - before)
        stretches = np.maximum(before - 1, 0) // _AT_ONCE
        for stretch in np.unique(stretches[before > 0]):
            start = int(stretch) * _AT_ONCE
            largest = np.maximum.accumulate(self._products(start))
            inside = (stretches == stretch) & (before > 0)
            up_to = np.maximum(self._largest[stretch], largest[before[inside] - 1 - start])
            adjusted[inside] = np.maximum(adjusted[inside], up_to)
        found: FloatArray = np.minimum(1.0, adjusted)[places].reshape(p_values.shape)
        return found

    def _products(self, start: int) -> FloatArray:
        stretch = self._small[start : start + _AT_ONCE]
        products: FloatArray = stretch * (self._number - start - np.arange(len(stretch)))
        return products
