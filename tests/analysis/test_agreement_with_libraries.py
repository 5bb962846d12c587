"""Our statistics give what scipy and statsmodels give."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest
from statsmodels.stats.contingency_tables import mcnemar
from statsmodels.stats.proportion import proportion_confint, proportions_ztest

from paretune.analysis import wilson
from paretune.analysis.statistics.pair_tests import score_test
from paretune.analysis.statistics.paired import paired_difference
from paretune.analysis.statistics.simulation import as_scores
from paretune.analysis.statistics.variance import variance_components

shares = st.integers(1, 3000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))


@given(shares)
def test_wilson(pair: tuple[int, int]) -> None:
    successes, n = pair
    ours = wilson(successes, n)
    assert ours == pytest.approx(proportion_confint(successes, n, method="wilson"), abs=1e-9)
    theirs = binomtest(successes, n).proportion_ci(method="wilson")
    assert ours == pytest.approx((theirs.low, theirs.high), abs=1e-9)


@given(st.lists(st.tuples(st.booleans(), st.booleans()), min_size=5, max_size=80))
def test_one_seed_is_mcnemar_and_the_interval_of_bonett_and_price(answers: list[tuple[bool, bool]]) -> None:
    values = np.array(answers, dtype=float).T[:, None, :]
    found = paired_difference(*variance_components(as_scores(values)))
    first, second = values[:, 0]
    b, c, n = int((first > second).sum()), int((first < second).sum()), len(answers)
    assert found.p_value == pytest.approx(mcnemar([[0, b], [c, 0]], exact=True).pvalue)
    p_b, p_c = (b + 1) / (n + 2), (c + 1) / (n + 2)
    half = 1.959963984540054 * math.sqrt((p_b + p_c - (p_b - p_c) ** 2) / (n + 2))
    expected = max(-1.0, p_b - p_c - half), min(1.0, p_b - p_c + half)
    assert found.interval == pytest.approx(expected, abs=1e-12)
    assert found.value == pytest.approx((b - c) / n)


@given(st.lists(shares, min_size=2, max_size=4))
def test_the_score_test_of_proportions(pairs: list[tuple[int, int]]) -> None:
    counts = np.array([float(n) for _, n in pairs])
    right = np.array([float(successes) for successes, _ in pairs])
    found = score_test(right / counts, counts)
    if 0 < right[:2].sum() < counts[:2].sum():
        assert found[0, 1] == pytest.approx(proportions_ztest(right[:2], counts[:2])[1], abs=1e-9)
    assert found == pytest.approx(found.T)
