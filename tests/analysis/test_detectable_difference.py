import numpy as np
import pytest

from paretune.analysis.statistics.estimate import student_quantile
from paretune.analysis.statistics.paired import paired_difference
from paretune.analysis.statistics.sample_size import Noise, detectable_difference
from paretune.analysis.statistics.simulation import as_scores
from paretune.analysis.statistics.variance import variance_components


def test_without_seeds_it_is_the_usual_formula() -> None:
    least = detectable_difference(Noise(0.25, 0.0), 100, 3)
    quantiles = student_quantile(0.975, float("inf")) + student_quantile(0.8, float("inf"))
    assert least == pytest.approx(quantiles * 0.05)


def test_more_items_seeds_and_fewer_methods_tell_smaller_differences() -> None:
    noise = Noise(0.25, 0.02)
    least = detectable_difference(noise, 200, 3, num_methods=4)
    assert detectable_difference(noise, 400, 3, num_methods=4) < least
    assert detectable_difference(noise, 200, 5, num_methods=4) < least
    assert detectable_difference(noise, 200, 3, num_methods=8) > least


def test_such_a_difference_is_found_four_times_in_five() -> None:
    """On scores that are normal around each method's mean, with the noise that the formula is told."""
    rng, num_items, num_seeds, deviation = np.random.default_rng(0), 300, 5, 0.02
    least = detectable_difference(Noise(0.25, deviation), num_items, num_seeds)
    found = 0
    for _ in range(300):
        means = np.array([0.0, least])[:, None, None] + deviation * rng.normal(size=(2, num_seeds, 1))
        per_item = np.sqrt(0.125) * rng.normal(size=(2, 1, num_items))
        first, second = variance_components(as_scores(means + per_item))
        found += paired_difference(first, second).p_value < 0.05
    assert 0.72 < found / 300 < 0.88
