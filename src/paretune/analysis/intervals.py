"""How sure a share of right answers is."""

from typing import NamedTuple

_Z_95 = 1.959963984540054  # the normal distribution's 97.5 % point


class Interval(NamedTuple):
    """A 95 % confidence interval."""

    low: float
    high: float


def wilson(successes: float, n: int) -> Interval:
    """Return the 95 % Wilson score interval of a share, `successes` of `n`; both ends lie within 0 and 1.

    `successes` may be fractional, as a mean over seeds is. Wilson, JASA 22 (1927), without continuity correction.
    Raises `ValueError` unless 0 <= successes <= n and n > 0.
    """
    if n <= 0 or not 0 <= successes <= n:
        raise ValueError(f"successes must lie between 0 and n, and n above 0; got {successes} of {n}")
    share = successes / n
    z_squared = _Z_95**2
    centre = (share + z_squared / (2 * n)) / (1 + z_squared / n)
    half = _Z_95 * (share * (1 - share) / n + z_squared / (4 * n * n)) ** 0.5 / (1 + z_squared / n)
    # In exact arithmetic the interval always holds the share; the bounds keep that true under rounding.
    return Interval(max(0.0, min(share, centre - half)), min(1.0, max(share, centre + half)))
