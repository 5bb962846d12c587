"""How sure a share of right answers is."""

from typing import NamedTuple

Z_95 = 1.959963984540054  # the 97.5 % point of the normal distribution


class Interval(NamedTuple):
    """A 95 % confidence interval."""

    low: float
    high: float


def wilson(successes: float, n: float, quantile: float = Z_95) -> Interval:
    """Return the Wilson score interval of a share, `successes` of `n`, 95 % by default; it lies within 0 and 1.

    `successes` and `n` may be fractional, as means over seeds and effective sample sizes are. `quantile` is that of the
    normal distribution, or Student's. Wilson, JASA 22 (1927), without continuity correction.
    Raises `ValueError` unless 0 <= successes <= n and n > 0.
    """
    if n <= 0 or not 0 <= successes <= n * (1 + 1e-12):
        raise ValueError(f"successes must lie between 0 and n, and n above 0; got {successes} of {n}")
    share = min(1.0, successes / n)
    squared = quantile**2
    centre = (share + squared / (2 * n)) / (1 + squared / n)
    half = quantile * (share * (1 - share) / n + squared / (4 * n * n)) ** 0.5 / (1 + squared / n)
    # In exact arithmetic the interval always holds the share; the bounds keep that true under rounding.
    return Interval(max(0.0, min(share, centre - half)), min(1.0, max(share, centre + half)))
