"""Our statistics give what scipy and statsmodels give."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binomtest
from statsmodels.stats.contingency_tables import mcnemar
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.proportion import proportion_confint

from paretune.analysis import wilson
from paretune.analysis.holm import holm
from paretune.analysis.paired import mcnemar_exact, paired_difference
from paretune.analysis.simulation import as_scores
from paretune.analysis.variance import variance_parts

shares = st.integers(1, 3000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))
p_values = st.lists(st.floats(0, 1), min_size=1, max_size=30)


@given(shares)
def test_wilson(pair: tuple[int, int]) -> None:
    successes, n = pair
    ours = wilson(successes, n)
    assert ours == pytest.approx(proportion_confint(successes, n, method="wilson"), abs=1e-9)
    theirs = binomtest(successes, n).proportion_ci(method="wilson")
    assert ours == pytest.approx((theirs.low, theirs.high), abs=1e-9)


@given(st.integers(0, 400), st.integers(0, 400))
def test_mcnemar(only_first: int, only_second: int) -> None:
    ours = mcnemar_exact(only_first, only_second)
    table = [[11, only_first], [only_second, 7]]
    assert ours == pytest.approx(mcnemar(table, exact=True).pvalue, rel=1e-9)
    if only_first + only_second:
        assert ours == pytest.approx(binomtest(only_first, only_first + only_second).pvalue, rel=1e-7)


@settings(max_examples=20, deadline=None)  # statsmodels takes 50 ms for one correction
@given(p_values)
def test_holm(values: list[float]) -> None:
    assert holm(values) == pytest.approx(list(multipletests(values, method="holm")[1]), abs=1e-12)


@given(st.permutations([0.001, 0.01, 0.02, 0.02, 0.9]))
def test_holm_follows_the_order_given(values: list[float]) -> None:
    adjusted = dict(zip(values, holm(values), strict=True))
    assert adjusted == pytest.approx({0.001: 0.005, 0.01: 0.04, 0.02: 0.06, 0.9: 0.9})


@given(st.lists(st.tuples(st.booleans(), st.booleans()), min_size=5, max_size=80))
def test_one_seed_is_mcnemar_and_the_interval_of_bonett_and_price(answers: list[tuple[bool, bool]]) -> None:
    values = np.array(answers, dtype=float).T[:, None, :]
    found = paired_difference(*variance_parts(as_scores(values)))
    first, second = values[:, 0]
    b, c, n = int((first > second).sum()), int((first < second).sum()), len(answers)
    assert found.p_value == pytest.approx(mcnemar([[0, b], [c, 0]], exact=True).pvalue)
    p_b, p_c = (b + 1) / (n + 2), (c + 1) / (n + 2)
    half = 1.959963984540054 * math.sqrt((p_b + p_c - (p_b - p_c) ** 2) / (n + 2))
    expected = max(-1.0, p_b - p_c - half), min(1.0, p_b - p_c + half)
    assert found.interval == pytest.approx(expected, abs=1e-12)
    assert found.value == pytest.approx((b - c) / n)


def test_what_is_no_p_value_is_refused() -> None:
    with pytest.raises(ValueError, match="between 0 and 1"):
        holm([0.5, 1.5])
    with pytest.raises(ValueError, match="negative"):
        mcnemar_exact(-1, 2)
