from itertools import permutations, product

import numpy as np
import pytest
from statsmodels.stats.multitest import multipletests

from paretune.analysis.statistics.bootstrap import two_way_bootstrap
from paretune.analysis.statistics.clusters import sampling_of
from paretune.analysis.statistics.confidence_set import AdjustedPairs, pairwise_p_values
from paretune.analysis.statistics.draws import Draws, fixed_draws
from paretune.analysis.statistics.paired import paired_difference
from paretune.analysis.statistics.pairs import pairs_of
from paretune.analysis.statistics.ranks import Place, places
from paretune.analysis.statistics.simulation import as_scores, simulate_answers
from paretune.analysis.statistics.variance import variance_components


def ranked(draws: Draws) -> list[Place]:
    return places(draws, AdjustedPairs(draws).told_apart)


def tied(draws: Draws) -> list[float]:
    return [float(value) for value in AdjustedPairs(draws).told_apart.least]


def drawn(accuracies: list[float], number: int, num_questions: int = 300) -> Draws:
    values = simulate_answers(accuracies, 3, num_questions, 0.05, np.random.default_rng(number))
    return two_way_bootstrap(variance_components(as_scores(values)), 500)


def test_tied_for_best_is_exactly_that_the_rank_set_holds_one() -> None:
    for number in range(20):
        draws = drawn([0.4, 0.45, 0.5, 0.5, 0.55], number)
        for place, p_value in zip(ranked(draws), tied(draws), strict=True):
            assert (place.low == 1) == (p_value >= 0.05)
            assert place.low <= place.rank <= place.high


def test_rank_sets_hold_all_true_ranks_at_once() -> None:
    kept = []
    for number in range(100):
        sets = ranked(drawn([0.45] * 8, number))
        kept.append(all(one.low == 1 and one.high == 8 for one in sets))
    assert np.mean(kept) >= 0.9


def test_methods_far_apart_have_rank_sets_of_one_rank() -> None:
    sets = ranked(drawn([0.1, 0.9, 0.5], 0, 600))
    assert [(one.low, one.high) for one in sets] == [(3, 3), (1, 1), (2, 2)]


def test_the_correction_is_holm_s_over_all_ordered_pairs() -> None:
    """Compare with statsmodels."""
    draws = drawn([0.3, 0.4, 0.42, 0.5, 0.55], 1)
    assert draws.pairs is not None
    found, tested = pairwise_p_values(draws), draws.pairs.block(np.arange(5), np.arange(5))
    alone = {
        (one, other): (1 - sign) / 2 + sign * tested.p_values[one, other] / 2
        for one, other in permutations(range(5), 2)
        for sign in [np.sign(tested.centres[one, other])]
    }
    expected = multipletests(list(alone.values()), method="holm")[1]
    assert [found[pair] for pair in alone] == pytest.approx(expected)
    assert np.diag(found).tolist() == [1.0] * 5


def test_the_difference_of_two_methods_is_that_of_all_pairs() -> None:
    values = simulate_answers([0.4, 0.5, 0.6], 3, 200, 0.1, np.random.default_rng(3))
    clusters = [f"c{number % 12}" for number in range(200)]
    for sampling in (sampling_of([None] * 200), sampling_of(clusters), sampling_of(clusters, "same clusters")):
        components = variance_components(as_scores(values), sampling)
        pairs = pairs_of(components)
        alone = paired_difference(components[0], components[2])
        assert pairs.centres[0, 2] == pytest.approx(alone.centre)
        assert pairs.errors[0, 2] == pytest.approx(alone.standard_error)
        assert pairs.freedom[0, 2] == pytest.approx(alone.degrees_of_freedom)
        assert pairs.p_values[0, 2] == pytest.approx(alone.p_value)


def test_a_method_without_a_value_has_every_rank_and_changes_no_other() -> None:
    draws = drawn([0.2, 0.6], 0)
    values = np.column_stack([draws.values, np.full(500, np.nan)])
    wide = fixed_draws(np.append(draws.means, np.nan), values)
    assert pairwise_p_values(wide)[2].tolist() == [1.0, 1.0, 1.0]
    assert [(one.low, one.high) for one in ranked(wide)] == [(2, 3), (1, 2), (1, 3)]


def test_seed_variances_of_methods_that_agree_are_known_no_better_than_all_their_seeds_say() -> None:
    values = simulate_answers([0.5] * 8, 3, 300, 0.05, np.random.default_rng(1))
    assert max(one.degrees_of_freedom for one in variance_components(as_scores(values))) <= 16


def test_no_pair_is_surer_among_others_than_alone_and_two_methods_are_no_others() -> None:
    for number, num_seeds in product(range(10), (1, 3)):
        values = simulate_answers([0.4, 0.45, 0.5, 0.6], num_seeds, 60, 0.05, np.random.default_rng(number))
        draws = two_way_bootstrap(variance_components(as_scores(values)), 500)
        assert draws.pairs is not None
        by_themselves = draws.pairs.block(np.arange(4), np.arange(4)).p_values
        assert (pairwise_p_values(draws) >= by_themselves - 1e-12)[~np.eye(4, dtype=bool)].all()
        two = draws.subset([0, 3])
        alone = paired_difference(*variance_components(as_scores(values[[0, 3]]))) if num_seeds == 1 else None
        assert two.pairs is not None
        by_itself = float(two.pairs.block(np.arange(2), np.arange(2)).p_values[0, 1])
        assert pairwise_p_values(two).min() == min(1.0, by_itself)
        if alone is not None:
            assert by_itself == pytest.approx(alone.p_value)


def test_few_questions_answered_differently_are_never_sure() -> None:
    values = np.zeros((2, 3, 100))
    values[0, :, :4] = 1.0
    pairs = pairs_of(variance_components(as_scores(values)))
    assert pairs.p_values[0, 1] == pytest.approx(2.0**-3)
