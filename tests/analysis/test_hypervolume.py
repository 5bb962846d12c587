"""Fronts and volumes against moocore's own entry points and against counting, in two to four directions."""

import time
from itertools import product

import moocore
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from paretune.analysis.statistics.pareto import hypervolume, hypervolume_contributions, pareto_front
from paretune.spec import Direction

UP, DOWN = Direction.HIGHER, Direction.LOWER
SIDE = 5


@st.composite
def clouds(draw: st.DrawFn) -> tuple[list[tuple[float | None, ...]], list[Direction]]:
    """Return points on a small grid, some with a missing value, and a direction for each of their values."""
    directions = draw(st.lists(st.sampled_from((UP, DOWN)), min_size=2, max_size=4))
    value = st.one_of(st.integers(0, SIDE).map(float), st.integers(0, SIDE).map(float), st.none())
    points = st.lists(st.tuples(*[value] * len(directions)), max_size=8)
    return draw(points), directions


def cells(points: list[tuple[float | None, ...]], directions: list[Direction]) -> set[tuple[int, ...]]:
    """Return the unit cells between the points and the worst corner of the grid, found one by one."""
    covered = set()
    for point in points:
        if None in point:
            continue
        better = [
            range(int(value or 0)) if direction is UP else range(int(value or 0), SIDE)
            for value, direction in zip(point, directions, strict=True)
        ]
        covered |= set(product(*better))
    return covered


def worst(directions: list[Direction]) -> list[float]:
    return [0.0 if direction is UP else float(SIDE) for direction in directions]


@given(clouds())
def test_the_volume_counts_cells(cloud: tuple[list[tuple[float | None, ...]], list[Direction]]) -> None:
    points, directions = cloud
    assert hypervolume(points, directions, worst(directions)) == pytest.approx(len(cells(points, directions)))


@given(clouds())
def test_a_contribution_is_what_would_be_lost(cloud: tuple[list[tuple[float | None, ...]], list[Direction]]) -> None:
    points, directions = cloud
    whole = len(cells(points, directions))
    lost = [whole - len(cells(points[:place] + points[place + 1 :], directions)) for place in range(len(points))]
    assert hypervolume_contributions(points, directions, worst(directions)) == pytest.approx(lost)


@given(clouds())
def test_front_and_volume_are_moocore_s(cloud: tuple[list[tuple[float | None, ...]], list[Direction]]) -> None:
    points, directions = cloud
    whole = [place for place, point in enumerate(points) if None not in point]
    if not whole:
        assert pareto_front(points, directions) == []
        return
    table = np.array([points[place] for place in whole], dtype=float)
    upward = [direction is UP for direction in directions]
    theirs = moocore.is_nondominated(table, maximise=upward, keep_weakly=True)
    assert pareto_front(points, directions) == [place for place, on in zip(whole, theirs, strict=True) if on]
    volume = moocore.hypervolume(table, ref=worst(directions), maximise=upward)
    assert hypervolume(points, directions, worst(directions)) == pytest.approx(volume)


def test_infinite_values_compare_as_they_should() -> None:
    assert pareto_front([(float("inf"), 1.0), (1.0, 1.0), (2.0, float("-inf"))], (UP, UP)) == [0]
    assert pareto_front([(float("inf"),), (1.0,)], (DOWN,)) == [1]


def test_a_million_points_take_less_than_two_seconds() -> None:
    points = np.random.default_rng(0).random((1_000_000, 2))
    began = time.process_time()  # of this process alone: the machine may be busy
    front = pareto_front(points, (UP, DOWN))
    assert time.process_time() - began < 2.0
    best = points[front]
    assert (np.diff(best[np.argsort(best[:, 0])][:, 1]) > 0).all()


def test_wrong_shapes_are_refused() -> None:
    with pytest.raises(ValueError, match="2 columns"):
        pareto_front(np.zeros((3, 4)), (UP, DOWN))
    with pytest.raises(ValueError, match="reference"):
        hypervolume([(1.0, 2.0)], (UP, DOWN), (None, 1.0))
