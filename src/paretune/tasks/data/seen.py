"""Which rows came before, by their hashes, in little memory."""

from array import array
from bisect import bisect_left

import numpy as np

_MOST_RECENT = 1 << 16


class SeenHashes:
    """64-bit hashes: a million of them take 8 MB, and 64 MB as a set of Python's. All but the last are held sorted."""

    def __init__(self) -> None:
        self._recent: set[int] = set()
        self._earlier = array("Q")

    def add(self, value: int) -> bool:
        """Add a hash, and tell whether it is new."""
        place = bisect_left(self._earlier, value)
        if value in self._recent or (place < len(self._earlier) and self._earlier[place] == value):
            return False
        self._recent.add(value)
        if len(self._recent) == _MOST_RECENT:
            every = np.concatenate([self._earlier, np.fromiter(self._recent, np.uint64, _MOST_RECENT)])
            every.sort()
            self._earlier = array("Q", every.tobytes())
            self._recent.clear()
        return True
