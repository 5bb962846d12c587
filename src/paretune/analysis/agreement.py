"""Whether two tasks put methods into the same order."""

import math
from collections.abc import Mapping
from typing import NamedTuple


class Agreement(NamedTuple):
    """How alike two orders of the same methods are."""

    tau: float | None
    """Kendall's tau-b: 1 the same order, 0 unrelated, -1 reversed; None where a task cannot tell any two apart."""
    p_value: float | None
    """Two-sided, of unrelated orders."""
    num_methods: int


def rank_agreement(first: Mapping[str, float], second: Mapping[str, float]) -> Agreement:
    """Return the agreement of two tasks on the methods that both have a figure for, by method.

    Kendall, The Treatment of Ties in Ranking Problems, Biometrika 33 (1945). Two methods or more must be shared;
    raises `ValueError` otherwise.
    """
    from scipy.stats import kendalltau

    shared = sorted(set(first) & set(second))
    if len(shared) < 2:
        raise ValueError("two tasks must share two methods or more before their orders can be compared")
    found = kendalltau([first[name] for name in shared], [second[name] for name in shared], variant="b")
    tau = float(found.statistic)
    return Agreement(None, None, len(shared)) if math.isnan(tau) else Agreement(tau, float(found.pvalue), len(shared))
