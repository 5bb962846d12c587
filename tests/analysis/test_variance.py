import numpy as np
import pytest
from scipy.special import digamma, polygamma

from paretune.analysis.statistics.estimate import accuracy_estimate
from paretune.analysis.statistics.intervals import wilson
from paretune.analysis.statistics.paired import lower_bound, p_above, paired_difference, unpaired_difference
from paretune.analysis.statistics.scores import Scores, stacked_scores
from paretune.analysis.statistics.simulation import as_scores, simulate_answers
from paretune.analysis.statistics.variance import VarianceComponents, share_seed_variance, variance_components


def test_parts_worked_by_hand() -> None:
    values = np.array([[[1, 1, 0, 0], [1, 0, 0, 0]], [[1, 1, 1, 0], [1, 1, 1, 1]]], dtype=float)
    first, second = variance_components(as_scores(values))
    assert first.mean == pytest.approx(3 / 8)
    assert first.unit_means.tolist() == [1, 0.5, 0, 0]
    assert first.between_seeds == pytest.approx((0.5 - 0.25) ** 2 / 2)
    # Residuals of the first method: seed effects are +1/8 and -1/8, so y - unit - seed + mean leaves 1/8 or 3/8.
    assert first.residual == pytest.approx((6 * (1 / 8) ** 2 + 2 * (3 / 8) ** 2) / 3 / 4)
    assert first.seeds_variance == 0.0
    assert first.units_variance == pytest.approx(np.var([1, 0.5, 0, 0], ddof=1) / 4)
    assert (second.num_seeds, second.degrees_of_freedom) == (2, 1.0)


def test_estimated_parts_find_the_true_ones() -> None:
    rng = np.random.default_rng(5)
    num_seeds, num_units = 4, 60
    found = []
    for _ in range(400):
        values = 2.0 + rng.normal(0, 1.0, (1, 1, num_units)) + rng.normal(0, 0.3, (1, num_seeds, 1))
        found += variance_components(as_scores(values + rng.normal(0, 0.8, (1, num_seeds, num_units))))
    units = float(np.mean([one.units_variance for one in found]))
    seeds = float(np.mean([(one.between_seeds - one.residual) for one in found]))
    assert units == pytest.approx((1.0 + 0.64 / num_seeds) / num_units, rel=0.05)
    assert seeds == pytest.approx(0.09, rel=0.15)
    assert np.mean([one.residual for one in found]) == pytest.approx(0.64 / num_units, rel=0.03)
    assert np.var([one.mean for one in found]) == pytest.approx(units + seeds / num_seeds, rel=0.2)


def one(between: float, freedom: float = 2.0) -> VarianceComponents:
    return VarianceComponents(np.array([0.0, 1.0]), 3, between, freedom, 0.0)


def test_seed_variances_that_agree_are_pooled_and_others_are_drawn_together() -> None:
    alike = share_seed_variance([one(1.0), one(1.1), one(0.9), one(1.0)])
    assert {part.degrees_of_freedom for part in alike} == {8.0}  # those of four methods together
    assert len({part.between_seeds for part in alike}) == 1
    apart = share_seed_variance([one(10.0**power) for power in (-4, -2, 0, 2)])
    assert all(2 < part.degrees_of_freedom < 3 for part in apart)
    assert [part.between_seeds for part in apart] == sorted(part.between_seeds for part in apart)
    assert apart[0].between_seeds > 1e-4


def test_the_prior_solves_the_moment_equations() -> None:
    rng = np.random.default_rng(0)
    true_freedom, true_variance = 6.0, 0.5
    variances = true_variance * true_freedom / rng.chisquare(true_freedom, 4000)
    seen = variances * rng.chisquare(2.0, 4000) / 2.0
    moderated = share_seed_variance([one(float(value)) for value in seen])
    prior = moderated[0].degrees_of_freedom - 2.0
    assert prior == pytest.approx(true_freedom, rel=0.2)
    logs = np.log(seen) - digamma(1.0) + np.log(1.0)
    assert polygamma(1, prior / 2) == pytest.approx(logs.var(ddof=1) - polygamma(1, 1.0), rel=1e-6)


def test_with_two_methods_nothing_is_shared() -> None:
    components = [one(4.0), one(1.0)]
    assert [part.between_seeds for part in share_seed_variance(components)] == [4.0, 1.0]


def test_untouched_models_have_no_seed_variance_and_one_seed_says_nothing_about_it() -> None:
    values = simulate_answers([0.5], 1, 50, 0.0, np.random.default_rng(1))
    (alone,) = variance_components(as_scores(values))
    (untouched,) = variance_components(as_scores(values, frozenset({"m00"})))
    for part in (alone, untouched):
        estimate = accuracy_estimate(part)
        assert estimate.interval == wilson(values.sum(), 50)
        assert estimate.seeds_standard_error is None


def test_more_seeds_that_agree_do_not_count_as_more_questions() -> None:
    answers = simulate_answers([0.5], 1, 200, 0.0, np.random.default_rng(2))
    (copied,) = variance_components(as_scores(np.repeat(answers, 5, axis=1)))
    low, high = accuracy_estimate(copied).interval
    alone = wilson(answers.sum(), 200)
    assert high - low == pytest.approx(alone.high - alone.low, rel=0.02)


def test_seeds_that_disagree_widen_the_interval() -> None:
    values = np.zeros((1, 3, 100))
    values[0, 0, :20], values[0, 1, :50], values[0, 2, :80] = 1, 1, 1
    (components,) = variance_components(as_scores(values))
    estimate = accuracy_estimate(components)
    assert estimate.seeds_standard_error is not None
    assert estimate.seeds_standard_error > 0.1
    alone = wilson(50, 100)
    assert estimate.interval.high - estimate.interval.low > 2 * (alone.high - alone.low)
    assert 0 <= estimate.interval.low <= estimate.mean <= estimate.interval.high <= 1


def test_all_right_with_every_seed_is_not_certainty() -> None:
    (components,) = variance_components(as_scores(np.ones((1, 3, 40))))
    assert accuracy_estimate(components).interval == wilson(40, 40)


def test_the_difference_turns_with_its_sides_and_few_questions_never_say_much() -> None:
    values = np.zeros((2, 3, 100))
    values[0, :, :4] = 1
    first, second = variance_components(as_scores(values))
    one_way, other_way = paired_difference(first, second), paired_difference(second, first)
    assert one_way.value == -other_way.value == pytest.approx(0.04)
    assert one_way.interval == pytest.approx((-other_way.interval.high, -other_way.interval.low))
    assert one_way.p_value == other_way.p_value == pytest.approx(2.0**-3)


def test_non_inferiority_is_the_one_sided_bound() -> None:
    values = simulate_answers([0.5, 0.5], 3, 800, 0.05, np.random.default_rng(3))
    found = paired_difference(*variance_components(as_scores(values)))
    bound = lower_bound(found)
    assert found.interval.low < bound < found.value
    assert p_above(found, bound) == pytest.approx(0.05)
    assert p_above(found, -0.5) < 1e-4
    assert p_above(found, 0.5) > 1 - 1e-4


def test_unpaired_differences_match_a_published_value() -> None:
    # Newcombe, Statistics in Medicine 17 (1998) 873, table II, contrast (a), method 10: 56/70 - 48/80.
    found = unpaired_difference(56 / 70, 70, 48 / 80, 80)
    assert found.interval == pytest.approx((0.0524, 0.3339), abs=5e-5)
    assert not found.paired
    assert unpaired_difference(1.0, 10, 1.0, 10).p_value == 1.0


def test_methods_are_paired_on_the_questions_that_all_answered() -> None:
    values = np.full((2, 2, 3), np.nan)
    values[0, 0, 1:], values[0, 1, 1], values[1, 1, :2] = (1.0, 0.0), 1.0, (1.0, 0.0)
    scores = Scores(("a", "b"), (0, 1), ("x", "y", "z"), values, (False, False))
    assert scores.shared_by(["b", "a"]).units == ("y",)
    assert [one.num_seeds for one in variance_components(scores)] == [2, 1]
    values[1, 1, 1] = np.nan
    with pytest.raises(ValueError, match="share no question"):
        variance_components(scores)


def test_seeds_that_a_method_lacks_stay_empty() -> None:
    scores = stacked_scores([{1: np.array([1.0, 0.0])}, {0: np.zeros(2), 1: np.ones(2)}], [True, False])
    assert (scores.seeds, scores.units, scores.seed_free) == ((0, 1), ("000000", "000001"), (True, False))
    assert np.isnan(scores.values[0, 0]).all()
    assert scores.values[0, 1].tolist() == [1.0, 0.0]
