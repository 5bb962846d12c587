import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from paretune.analysis.statistics.bootstrap import independent_draws, seed_draws, side_by_side, two_way_bootstrap
from paretune.analysis.statistics.clusters import INDEPENDENT
from paretune.analysis.statistics.draws import Draws, fixed_draws, whole
from paretune.analysis.statistics.intervals import wilson
from paretune.analysis.statistics.pair_tests import UnpairedTests
from paretune.analysis.statistics.pareto import front_probability
from paretune.analysis.statistics.simulation import as_scores, simulate_answers
from paretune.analysis.statistics.variance import VarianceComponents, variance_components
from paretune.spec import Direction
from tests.analysis.test_rank_sets import ranked, tied

UP, DOWN = Direction.HIGHER, Direction.LOWER


def components_of(
    accuracies: list[float], seed_spread: float = 0.1, num_questions: int = 400
) -> list[VarianceComponents]:
    values = simulate_answers(accuracies, 3, num_questions, seed_spread, np.random.default_rng(11))
    return variance_components(as_scores(values))


def drawn(accuracies: list[float], seed_spread: float = 0.1, num_questions: int = 400) -> Draws:
    return two_way_bootstrap(components_of(accuracies, seed_spread, num_questions))


def test_draws_have_the_mean_and_the_covariance_that_the_components_say() -> None:
    components = components_of([0.3, 0.5, 0.5, 0.7])
    draws = two_way_bootstrap(components)
    contributions = INDEPENDENT.contributions(np.stack([one.unit_means for one in components]))
    covariance = contributions @ contributions.T + np.diag([one.seeds_variance for one in components])
    assert draws.values.shape == (10_000, 4)
    assert draws.values.mean(axis=0) == pytest.approx(draws.means, abs=2e-3)
    together = np.cov(draws.values.T)
    assert np.corrcoef(draws.values[:, 0], draws.values[:, 1]).item(1) > 0.1
    off = ~np.eye(4, dtype=bool)
    assert together[off] == pytest.approx(covariance[off], rel=0.15)
    # Truncation at zero and heavy tails leave the variances of the draws at or somewhat above the estimate.
    ratio = np.diag(together) / np.diag(covariance)
    assert ratio.min() > 0.9
    assert ratio.max() < 2.0


def test_the_same_answers_give_the_same_draws() -> None:
    one, other = drawn([0.3, 0.6]), drawn([0.3, 0.6])
    assert (one.values == other.values).all()


def test_one_seed_is_the_bootstrap_over_questions() -> None:
    values = simulate_answers([0.5], 1, 300, 0.0, np.random.default_rng(4))
    draws = two_way_bootstrap(variance_components(as_scores(values)))
    assert draws.interval(0) == pytest.approx(wilson(values.sum(), 300), abs=6e-3)


def test_draws_from_means_alone_are_independent_and_never_certain() -> None:
    draws = independent_draws([0.5, 1.0], [100, 100])
    assert abs(np.corrcoef(draws.values[:, 0], draws.values[:, 1]).item(1)) < 0.05
    assert draws.values[:, 1].std() > 0
    assert draws.interval(0) == pytest.approx(wilson(50, 100), abs=5e-3)
    both = side_by_side([([1], draws.subset([0])), ([0], draws.subset([1]))], 2)
    assert both.means.tolist() == [1.0, 0.5]
    assert (both.values[:, 0] == draws.values[:, 1]).all()
    tests = UnpairedTests(both.means, np.array([100.0, 100.0]))
    assert draws.pairs is not None
    tested, expected = (one.block(np.array([0]), np.array([1])) for one in (tests, draws.pairs))
    assert (tested.centres, tested.p_values) == (-expected.centres, expected.p_values)


def test_figures_that_seeds_agree_on_have_no_spread() -> None:
    agreed, alone, spread = whole(seed_draws([[7.0, 7.0, 7.0], [7.0], [6.0, 7.0, 8.0]], "bytes"), 3).T
    assert set(agreed) == {7.0}
    assert set(alone) == {7.0}
    assert np.median(spread) == pytest.approx(7.0, abs=0.05)
    # Student's t with two degrees of freedom: 4.303 standard errors hold 95 %.
    assert np.quantile(spread, 0.975) == pytest.approx(7 + 4.303 / 3**0.5, abs=0.3)


def test_places_of_methods_far_apart_are_certain() -> None:
    first, second, third = ranked(drawn([0.2, 0.9, 0.5], seed_spread=0.01))
    assert [one.rank for one in (first, second, third)] == [3, 1, 2]
    assert (second.low, second.high, second.p_best) == (1, 1, 1.0)
    assert (first.low, first.high) == (3, 3)


def test_equal_methods_share_the_places() -> None:
    draws = drawn([0.5, 0.5, 0.5])
    found = ranked(draws)
    assert sum(one.p_best for one in found) == pytest.approx(1.0)
    assert all(one.low <= one.rank <= one.high for one in found)
    assert min(one.low for one in found) == 1
    copies = fixed_draws(np.zeros(2), np.zeros((10, 2)))
    assert [one.p_best for one in ranked(copies)] == [0.5, 0.5]


def test_the_confidence_set_holds_the_near_and_drops_the_far() -> None:
    p_values = tied(drawn([0.2, 0.6, 0.6, 0.3], seed_spread=0.01))
    assert [p >= 0.05 for p in p_values] == [False, True, True, False]
    assert max(p_values) == 1.0
    identical = fixed_draws(np.full(3, 0.5), np.full((100, 3), 0.5))
    assert tied(identical) == [1.0, 1.0, 1.0]
    certain = fixed_draws(np.array([0.5, 0.6]), np.tile([0.5, 0.6], (100, 1)))
    assert tied(certain) == [0.0, 1.0]
    assert tied(certain.subset([0])) == [1.0]


@settings(max_examples=8, deadline=None)
@given(st.permutations(range(4)))
def test_the_confidence_set_turns_with_the_methods(order: list[int]) -> None:
    draws = drawn([0.45, 0.5, 0.55, 0.6])
    expected = tied(draws)
    assert tied(draws.subset(order)) == pytest.approx([expected[place] for place in order])


def test_the_front_s_probability_counts_draws() -> None:
    accuracy = np.array([[0.5, 0.6, 0.1], [0.7, 0.6, 0.1]])
    cost = np.array([[1.0, 2.0, 3.0], [1.0, 2.0, 3.0]])
    assert front_probability([accuracy, cost], (UP, DOWN)).tolist() == [1.0, 0.5, 0.0]
    cost[0, 1] = np.nan
    assert front_probability([accuracy, cost], (UP, DOWN)).tolist() == [1.0, 0.0, 0.0]
    assert front_probability([accuracy], (UP,)).tolist() == [0.5, 0.5, 0.0]
    with pytest.raises(ValueError, match="one array"):
        front_probability([accuracy], (UP, DOWN))
