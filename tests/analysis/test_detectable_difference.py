import numpy as np
import pytest

from paretune.analysis.statistics.clusters import sampling_of
from paretune.analysis.statistics.estimate import student_quantile
from paretune.analysis.statistics.paired import paired_difference
from paretune.analysis.statistics.sample_size import Noise, detectable_difference, detectable_now
from paretune.analysis.statistics.simulation import as_scores
from paretune.analysis.statistics.variance import variance_components

CODES = np.repeat(np.arange(30), 10)


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


def test_a_finished_study_finds_what_its_own_noise_allows() -> None:
    """The estimate from scores scatters around what the noise that made them says, whatever the number of pairs."""
    rng, num_items, num_seeds, deviation, num_methods = np.random.default_rng(1), 300, 5, 0.02, 4
    known = detectable_difference(Noise(0.25, deviation), num_items, num_seeds, num_methods=num_methods)
    found = []
    for _ in range(40):
        means = deviation * rng.normal(size=(num_methods, num_seeds, 1))
        per_item = np.sqrt(0.125) * rng.normal(size=(num_methods, 1, num_items))
        found.append(detectable_now(variance_components(as_scores(means + per_item)), 6))
    assert np.mean(found) == pytest.approx(known, rel=0.1)


def test_more_pairs_and_clusters_make_a_difference_harder_to_find() -> None:
    rng = np.random.default_rng(2)
    by_cluster = np.repeat(rng.normal(size=(3, 1, 30)), 10, axis=2)
    scores = as_scores(by_cluster + rng.normal(size=(3, 2, 300)))
    alone, clustered = variance_components(scores), variance_components(scores, sampling_of([*map(str, CODES)]))
    assert detectable_now(alone, 3) < detectable_now(alone, 45) < detectable_now(clustered, 45)
    with pytest.raises(ValueError, match="two methods"):
        detectable_now(alone[:1], 1)


def test_of_many_methods_some_say_what_all_say() -> None:
    rng = np.random.default_rng(3)
    several = variance_components(as_scores(rng.normal(size=(700, 1, 60))))
    assert detectable_now(several, 10) == pytest.approx(detectable_now(several[:200], 10), rel=0.05)


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
