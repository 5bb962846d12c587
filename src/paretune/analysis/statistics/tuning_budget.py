"""What a method reaches with only some of its tuning trials."""

from collections.abc import Sequence

import numpy as np


def expected_best(validation_scores: Sequence[float | None]) -> list[float]:
    """Return the expected best score of 1, 2, ... n trials drawn at random with replacement, more being better.

    Dodge et al., Show Your Work (EMNLP 2019), equation 2: the mean of the maximum under the empirical distribution. It
    speaks of settings drawn at random; for a grid it says what random picks from that grid would reach. A trial without
    a score (None or NaN, as after divergence) counts as the worst of those seen. Raises `ValueError` without any score.
    """
    found = np.array([np.nan if score is None else score for score in validation_scores], dtype=float)
    if np.isnan(found).all():
        raise ValueError("no trial has a validation score")
    scores = np.sort(np.where(np.isnan(found), np.nanmin(found), found))
    shares = np.arange(len(scores) + 1) / len(scores)
    return [float(scores @ np.diff(shares**budget)) for budget in range(1, len(scores) + 1)]
