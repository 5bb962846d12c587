import pytest
from hypothesis import given
from hypothesis import strategies as st

from paretune.analysis import wilson


def test_published_values() -> None:
    # Newcombe, Statistics in Medicine 17 (1998), table I, method 3.
    for successes, n, low, high in [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0, 0.1611)]:
        assert wilson(successes, n) == pytest.approx((low, high), abs=5e-5)
    assert wilson(29, 29) == pytest.approx((0.8830, 1.0), abs=5e-5)


@given(st.integers(1, 5000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_it_holds_the_share_and_mirrors(pair: tuple[int, int]) -> None:
    successes, n = pair
    low, high = wilson(successes, n)
    assert 0 <= low <= successes / n <= high <= 1
    assert low < high
    mirrored = wilson(n - successes, n)
    assert (1 - mirrored.high, 1 - mirrored.low) == pytest.approx((low, high))
    wider = wilson(successes * 4, n * 4)
    assert wider.high - wider.low < high - low


@pytest.mark.parametrize(("successes", "n"), [(-1, 3), (4, 3), (0, 0), (float("nan"), 3)])
def test_what_is_no_share_is_refused(successes: float, n: int) -> None:
    with pytest.raises(ValueError, match="successes"):
        wilson(successes, n)
