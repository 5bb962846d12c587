"""Which methods cannot be told from the best one."""

import numpy as np

from paretune.analysis.bootstrap import Draws


def confidence_set_p_values(draws: Draws) -> list[float]:
    """Return, for each method, the p-value of its place in the model confidence set, more being better.

    The set of all methods with p >= 0.05 holds the best one with a confidence of 95 %. Hansen, Lunde and Nason,
    Econometrica 79 (2011): the T_max statistic, the method that is worst against the mean of those left goes first,
    and p-values never fall on the way. The distribution under equality is that of the draws around their means.
    """
    p_values = [1.0] * len(draws.means)
    left = list(range(len(draws.means)))
    highest = 0.0
    while len(left) > 1:
        p_value, worst = _equality(draws.subset(left))
        highest = max(highest, p_value)
        p_values[left.pop(worst)] = highest
    return p_values


def _equality(draws: Draws) -> tuple[float, int]:
    """Return the p-value of "all are equally good" and the place of the method that speaks most against it."""
    size = len(draws.means)
    centring = np.eye(size) - 1 / size
    behind = -(centring @ draws.means)  # above 0: worse than the mean of all
    errors = np.sqrt(np.maximum(0.0, np.diag(centring @ draws.covariance @ centring)))
    told_apart = np.where(np.abs(behind) > 1e-12, np.inf, 0.0)
    statistics = np.divide(behind, errors, out=np.sign(behind) * told_apart, where=errors > 1e-12)
    worst = int(np.argmax(statistics))
    around = -(draws.values - draws.means) @ centring
    around -= around.mean(axis=0)
    scattered = np.divide(around, errors, out=np.zeros_like(around), where=errors > 1e-12).max(axis=1)
    return float((scattered >= statistics[worst] - 1e-9).mean()), worst
