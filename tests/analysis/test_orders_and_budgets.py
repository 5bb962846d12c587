from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from paretune.analysis.statistics.estimate import student_quantile
from paretune.analysis.statistics.sample_size import needed
from paretune.analysis.statistics.simulation import as_scores, simulate_answers
from paretune.analysis.statistics.tuning_budget import expected_best
from paretune.analysis.statistics.variance import VarianceComponents, seeds_variance, variance_components
from paretune.analysis.table.agreement import rank_agreement


@given(st.lists(st.integers(0, 5).map(float), min_size=1, max_size=5))
def test_the_expected_best_is_the_mean_over_every_draw(scores: list[float]) -> None:
    found = expected_best(scores)
    for budget, value in enumerate(found, 1):
        every = [max(draw) for draw in product(scores, repeat=budget)]
        assert value == pytest.approx(sum(every) / len(every))
    assert found == sorted(found)


def test_a_trial_without_a_score_is_the_worst() -> None:
    assert expected_best([0.5, None, float("nan")]) == pytest.approx([0.5, 0.5, 0.5])
    assert expected_best([0.2, 0.5, None]) == pytest.approx(expected_best([0.2, 0.2, 0.5]))
    with pytest.raises(ValueError, match="no trial"):
        expected_best([None])


def test_orders_that_agree_and_orders_that_do_not() -> None:
    one = {"a": 0.1, "b": 0.2, "c": 0.3, "only here": 9.0}
    assert rank_agreement(one, {"a": 1, "b": 5, "c": 6}).tau == pytest.approx(1.0)
    assert rank_agreement(one, {"a": 3, "b": 2, "c": 1}).tau == pytest.approx(-1.0)
    assert rank_agreement(one, {"a": 1, "b": 1, "c": 1}).tau is None
    with pytest.raises(ValueError, match="two methods"):
        rank_agreement(one, {"a": 1})


def pair(
    accuracies: list[float], seeds: int, questions: int, spread: float
) -> tuple[VarianceComponents, VarianceComponents]:
    values = simulate_answers(accuracies, seeds, questions, spread, np.random.default_rng(8))
    first, second = variance_components(as_scores(values))
    return first, second


def test_many_questions_cannot_replace_seeds() -> None:
    noisy = needed(*pair([0.5, 0.52], 3, 4000, 0.3))
    assert noisy.more_questions is None
    assert noisy.more_seeds is not None
    assert noisy.more_seeds > 0


def test_what_is_told_apart_needs_nothing_more() -> None:
    assert needed(*pair([0.2, 0.8], 3, 500, 0.0)) == (0, 0, None)


@pytest.mark.parametrize("untrained", [False, True])
def test_so_many_more_seeds_bring_the_variance_down_to_what_is_wanted(untrained: bool) -> None:
    first, second = pair([0.5, 0.56], 3, 4000, 0.3)
    if untrained:
        second = second._replace(num_seeds=1, between_seeds=0.0, residual=0.0, degrees_of_freedom=0.0)
    more = needed(first, second).more_seeds
    assert more
    gaps = first.unit_means - second.unit_means
    noise = first.residual / 3 + second.residual / second.num_seeds
    items = gaps.var(ddof=1) / len(gaps) - noise
    wanted = (gaps.mean() / (student_quantile(0.975, np.inf) + student_quantile(0.8, np.inf))) ** 2

    def variance(seeds: int) -> float:
        return float(items + (first.between_seeds + second.between_seeds) / seeds)

    assert variance(3 + more) <= wanted < variance(3 + more - 1)


def test_where_neither_alone_would_do_both_together_bring_the_variance_down_to_what_is_wanted() -> None:
    first, second = pair([0.5, 0.52], 3, 60, 0.3)
    found = needed(first, second)
    assert (found.more_questions, found.more_seeds) == (None, None)
    times = found.times_both
    assert times is not None
    gaps = first.unit_means - second.unit_means
    residual = (first.residual + second.residual) / 3
    items = gaps.var(ddof=1) / len(gaps) - residual
    wanted = (gaps.mean() / (student_quantile(0.975, np.inf) + student_quantile(0.8, np.inf))) ** 2

    def variance(times: int) -> float:
        return float((items + seeds_variance([first, second])) / times + residual / times**2)

    assert variance(times) <= wanted < variance(times - 1)


def test_a_difference_of_nothing_is_never_told() -> None:
    first, _ = pair([0.5, 0.5], 3, 100, 0.1)
    assert needed(first, first) == (None, None, None)


def test_the_number_named_is_enough() -> None:
    first, second = pair([0.50, 0.54], 1, 400, 0.0)
    more, *_ = needed(first, second)
    assert more is not None
    gaps = first.unit_means - second.unit_means
    error = (gaps.var(ddof=1) / (400 + more)) ** 0.5
    assert abs(gaps.mean()) / error == pytest.approx(1.96 + 0.8416, rel=0.01)
    stricter, *_ = needed(first, second, num_comparisons=10)
    assert stricter is not None
    assert stricter > more
