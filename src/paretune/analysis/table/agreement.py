"""Whether two tasks put methods into the same order."""

import math
from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import NamedTuple

from paretune.analysis.table.rows import Row

_FEWEST_METHODS = 3


class Agreement(NamedTuple):
    """How similar two orders of the same methods are."""

    tau: float | None
    """Kendall's tau-b: 1 the same order, 0 unrelated, -1 reversed; None where a task cannot tell any two apart."""
    p_value: float | None
    """Two-sided, of unrelated orders."""
    num_methods: int


def rank_agreement(first: Mapping[str, float], second: Mapping[str, float]) -> Agreement:
    """Return the agreement of two tasks on the methods that both have a value for, by method.

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


def task_agreements(rows: Sequence[Row]) -> dict[tuple[str, str], Agreement]:
    """Return how far each two tasks of the test split agree on the order of methods by their main metric, best first.

    Methods count that have one row on both tasks; pairs of tasks with fewer than three such methods are left out.
    """
    merits: dict[str, dict[str, list[float]]] = {}
    for row in rows:
        if row.split == "test" and row.outcome.kind == "ok" and row.merit is not None:
            merits.setdefault(row.task, {}).setdefault(row.method, []).append(row.merit)
    single = {
        task: {method: values[0] for method, values in found.items() if len(values) == 1}
        for task, found in sorted(merits.items())
    }
    return {
        (one, other): rank_agreement(single[one], single[other])
        for one, other in combinations(single, 2)
        if len(single[one].keys() & single[other].keys()) >= _FEWEST_METHODS
    }
