import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from paretune.analysis import pareto_front
from paretune.analysis.statistics.pareto import front_probability
from paretune.spec import Direction

UP, DOWN = Direction.HIGHER, Direction.LOWER
values = st.one_of(st.integers(0, 5).map(float), st.none(), st.just(float("nan")))
clouds = st.lists(st.tuples(values, values), max_size=12)


def complete(point: tuple[float | None, float | None]) -> bool:
    return all(value is not None and not math.isnan(value) for value in point)


def beats(one: tuple[float | None, float | None], other: tuple[float | None, float | None]) -> bool:
    (a, x), (b, y) = one, other
    assert a is not None
    assert b is not None
    assert x is not None
    assert y is not None
    return a >= b and x <= y and (a > b or x < y)


@given(clouds)
def test_on_the_front_is_who_is_complete_and_unbeaten(points: list[tuple[float | None, float | None]]) -> None:
    front = pareto_front(points, (UP, DOWN))
    whole = [index for index, point in enumerate(points) if complete(point)]
    assert front == [index for index in whole if not any(beats(points[other], points[index]) for other in whole)]
    assert bool(front) == bool(whole)


@given(clouds)
def test_turning_a_direction_turns_the_sign(points: list[tuple[float | None, float | None]]) -> None:
    turned = [(first, None if second is None else -second) for first, second in points]
    assert pareto_front(points, (UP, DOWN)) == pareto_front(turned, (UP, UP))


def test_ties_stay_and_missing_values_do_not() -> None:
    points = [(0.5, 1.0), (0.5, 1.0), (0.4, 0.5), (0.4, 0.6), (None, 0.1), (0.9, None)]
    assert pareto_front(points, (UP, DOWN)) == [0, 1, 2]


levels = st.one_of(st.integers(0, 3).map(float), st.sampled_from([float("inf"), float("-inf"), float("nan")]))


@given(st.data(), st.integers(1, 3), st.integers(1, 5), st.integers(1, 6))
def test_the_front_s_probability_is_the_share_of_draws_on_the_front(
    data: st.DataObject, num_metrics: int, num_draws: int, num_methods: int
) -> None:
    table = st.lists(
        st.lists(levels, min_size=num_methods, max_size=num_methods), min_size=num_draws, max_size=num_draws
    )
    draws = [np.array(data.draw(table)) for _ in range(num_metrics)]
    if data.draw(st.booleans()):
        draws[-1][:] = draws[-1][0]  # a value without any spread
    directions = data.draw(st.lists(st.sampled_from(Direction), min_size=num_metrics, max_size=num_metrics))
    whole = ~np.any([np.isnan(one).any(axis=0) for one in draws], axis=0)
    expected = np.zeros(num_methods)
    for number in range(num_draws):
        points = np.stack([one[number] for one in draws], axis=1)
        points[~whole] = np.nan
        expected[pareto_front(points, directions)] += 1
    assert front_probability(draws, directions).tolist() == (expected / num_draws).tolist()


def test_a_point_of_another_size_is_refused() -> None:
    with pytest.raises(ValueError, match="point 1"):
        pareto_front([(1.0, 2.0), (1.0,)], (UP, DOWN))
