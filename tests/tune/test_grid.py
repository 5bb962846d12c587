import pytest
from hypothesis import given
from hypothesis import strategies as st

from paretune.spec import Tuning
from paretune.tune.grid import Bounds, Edge, first_bounds, rate_at, step_of


def test_five_rates_at_four_per_decade_around_a_prior() -> None:
    low, high = first_bounds(Tuning())
    assert [rate_at(2e-3, step, 4) for step in range(low, high + 1)] == [6.32e-4, 1.12e-3, 2e-3, 3.56e-3, 6.32e-3]


def test_the_prior_itself_is_never_rounded() -> None:
    assert rate_at(0.00123456, 0, 4) == 0.00123456


@given(st.floats(1e-7, 10), st.integers(-30, 30), st.integers(1, 10))
def test_a_rate_knows_its_step(prior: float, step: int, per_decade: int) -> None:
    assert step_of(rate_at(prior, step, per_decade), prior, per_decade) == pytest.approx(step, abs=0.03)


def test_widening_moves_only_the_sides_that_were_named() -> None:
    bounds = Bounds(-2, 2)
    assert bounds.widened({Edge.UPPER}, 2) == (-2, 4)
    assert bounds.widened({Edge.LOWER}, 1) == (-3, 2)
    assert bounds.widened({Edge.LOWER, Edge.UPPER}, 1) == (-3, 3)
    assert bounds.widened(set(), 1) == bounds


@pytest.mark.parametrize(
    ("position", "edge"),
    [(-2.5, Edge.LOWER), (-2, Edge.LOWER), (-1.4, None), (0, None), (1.4, None), (1.6, Edge.UPPER), (2.5, Edge.UPPER)],
)
def test_an_edge_is_as_wide_as_a_step(position: float, edge: Edge | None) -> None:
    assert Bounds(-2, 2).edge_at(position) == edge
