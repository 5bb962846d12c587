"""A metric over a whole corpus, item by item."""

from collections.abc import Callable, Hashable, Sequence
from statistics import fmean
from typing import Any


def pseudo_values(readings: Sequence[Hashable], value: Callable[[Sequence[Any]], float]) -> list[float]:
    """Return each item's share in `value(readings)`, by the jackknife: the mean of the shares is that value.

    With n items, of which the metric is t and without item i t_i: n t - (n - 1) t_i, moved by a constant so that the
    mean is t itself. The standard error of their mean is the jackknife's of t (Tukey, Annals of Mathematical Statistics
    29, 1958; Efron and Stein, Annals of Statistics 9, 1981). So what holds of scores that are averaged (intervals,
    pairs, clusters, seeds) holds of such a metric to first order; `docs/decisions/0032` says how well.
    """
    number, whole = len(readings), value(readings)
    if number == 1:
        return [whole]
    without: dict[Hashable, float] = {}
    for place, reading in enumerate(readings):
        if reading not in without:
            without[reading] = value([*readings[:place], *readings[place + 1 :]])
    found = [number * whole - (number - 1) * without[reading] for reading in readings]
    shift = whole - fmean(found)
    return [one + shift for one in found]
