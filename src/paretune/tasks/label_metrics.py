"""What labels and numbers are scored by: metrics as data, and those over all texts together as functions."""

import math
from collections import Counter
from collections.abc import Sequence
from statistics import fmean
from typing import Any

import numpy as np

from paretune.spec import Direction, Metric, Unit

NUM_BINS = 15
"""Bins of the calibration error, as many as in Guo et al."""


def _metric(name: str, label: str, definition: str, **settings: Any) -> Metric:
    return Metric(name=name, label=label, definition=definition, items="texts", **settings)


ACCURACY = _metric("accuracy", "Accuracy", "Share of texts whose likeliest label is the right one.", unit=Unit.FRACTION)
MACRO_F1 = _metric(
    "macro_f1", "Macro F1", "F1 of each label that is given or right, mean over these labels.",
    unit=Unit.FRACTION, per="corpus",
)  # fmt: skip
LOG_LOSS = _metric(
    "log_loss", "Log loss", "Negative logarithm of the probability of the right label, in nats, mean over texts.",
    direction=Direction.LOWER, low=0,
)  # fmt: skip
CALIBRATION_ERROR = _metric(
    "calibration_error", "Calibration error",
    f"Difference between the probability of the given label and the share of right ones, over {NUM_BINS} bins of equal "
    "width (Guo et al. 2017, arXiv 1706.04599).",
    unit=Unit.FRACTION, direction=Direction.LOWER, per="corpus",
)  # fmt: skip
MICRO_F1 = _metric(
    "micro_f1", "Micro F1", "F1 over all labels of all texts together; a label is given from a probability of 0.5 on.",
    unit=Unit.FRACTION, per="corpus",
)  # fmt: skip
EXACT_MATCH = _metric(
    "exact_match", "Exact match", "Share of texts for which exactly the right labels are given.", unit=Unit.FRACTION
)
SQUARED_ERROR = _metric(
    "mean_squared_error", "Mean squared error", "Squared difference from the right number, mean over texts.",
    direction=Direction.LOWER, low=0,
)  # fmt: skip
ABSOLUTE_ERROR = _metric(
    "mean_absolute_error", "Mean absolute error", "Absolute difference from the right number, mean over texts.",
    direction=Direction.LOWER, low=0,
)  # fmt: skip
PEARSON = _metric(
    "pearson", "Pearson correlation", "Linear correlation with the right numbers; 0 where all answers are equal.",
    low=-1, high=1, per="corpus",
)  # fmt: skip
SPEARMAN = _metric(
    "spearman", "Spearman correlation", "Correlation of the ranks; 0 where all answers are equal.",
    low=-1, high=1, per="corpus",
)  # fmt: skip


def macro_f1(read: Sequence[tuple[Sequence[str], Sequence[str]]]) -> float:
    """Return the mean F1 over all labels that are given or right, from what was given and what is right of each text.

    0 where no text has a label and none was given.
    """
    both: Counter[str] = Counter()
    either: Counter[str] = Counter()
    for given, right in read:
        both.update(set(given) & set(right))
        either.update(given)
        either.update(right)
    return fmean(2 * both[label] / number for label, number in either.items()) if either else 0.0


def micro_f1(read: Sequence[tuple[int, int]]) -> float:
    """Return the F1 over all texts together, from each one's labels that are both given and right, and either's sum.

    0 where no text has a label and none was given.
    """
    either = sum(number for _, number in read)
    return 2 * sum(both for both, _ in read) / either if either else 0.0


def calibration_error(read: Sequence[tuple[float, bool]]) -> float:
    """Return the expected calibration error, from each text's probability of the given label and whether it is right.

    Guo et al. 2017, On Calibration of Modern Neural Networks, arXiv 1706.04599, equation 3.
    """
    gaps = [0.0] * NUM_BINS
    for confidence, right in read:
        gaps[min(NUM_BINS - 1, math.ceil(confidence * NUM_BINS) - 1)] += right - confidence
    return sum(map(abs, gaps)) / len(read)


def pearson(read: Sequence[tuple[float, float]]) -> float:
    """Return the correlation of given and right numbers; 0 where one side is constant."""
    return _correlation(*np.asarray(read, dtype=np.float64).T)


def spearman(read: Sequence[tuple[float, float]]) -> float:
    """Return the correlation of the ranks of given and right numbers; 0 where one side is constant."""
    from scipy.stats import rankdata

    return _correlation(*rankdata(np.asarray(read, dtype=np.float64).T, axis=1))


def _correlation(given: Any, right: Any) -> float:
    if np.ptp(given) == 0 or np.ptp(right) == 0:
        return 0.0
    return float(np.clip(np.corrcoef(given, right)[0, 1], -1, 1))
