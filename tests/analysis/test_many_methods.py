"""What is computed block by block, compared with whole matrices: see `reference_statistics`."""

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from statsmodels.stats.multitest import multipletests

from paretune.analysis.statistics import confidence_set, draws, front_counts, holm
from paretune.analysis.statistics.bootstrap import independent_draws, seed_draws, side_by_side, two_way_bootstrap
from paretune.analysis.statistics.clusters import INDEPENDENT, Sampling, sampling_of
from paretune.analysis.statistics.confidence_set import SIGNIFICANCE, AdjustedPairs, pairwise_p_values, told_apart
from paretune.analysis.statistics.draws import Draws, whole
from paretune.analysis.statistics.front_counts import times_on_front
from paretune.analysis.statistics.holm import Holm
from paretune.analysis.statistics.pair_tests import MixedTests, UnpairedTests, score_test, turned
from paretune.analysis.statistics.pairs import PairedTests
from paretune.analysis.statistics.scores import FloatArray, stacked_scores
from paretune.analysis.statistics.shares_of_draws import CostDraws, shares_of_draws
from paretune.analysis.statistics.simulation import as_scores, simulate_answers
from paretune.analysis.statistics.variance import VarianceComponents, variance_components
from paretune.spec import Direction
from tests.analysis.reference_statistics import (
    reference_adjusted,
    reference_draws,
    reference_pairs,
    reference_times_on_front,
)

NUM_QUESTIONS = 60
BY_TEMPLATE = sampling_of([f"c{number % 12}" for number in range(NUM_QUESTIONS)])
SAME_TEMPLATES = sampling_of([f"c{number % 4}" for number in range(NUM_QUESTIONS)])


def components_of(
    num_methods: int,
    num_seeds: int = 3,
    sampling: Sampling = INDEPENDENT,
    *,
    shares: bool = True,
    missing_seeds: int = 0,
    random_seed: int = 1,
) -> list[VarianceComponents]:
    """Return the components of methods from poor to good, the first of them with fewer seeds, two of them equal."""
    rng = np.random.default_rng([random_seed, num_methods, num_seeds])
    values = simulate_answers(np.linspace(0.05, 0.9, num_methods).tolist(), num_seeds, NUM_QUESTIONS, 0.1, rng)
    values[-1] = values[-2]
    if not shares:
        values = 0.5 * values + 0.1 * rng.normal(size=values.shape)
    values[: num_methods // 2, num_seeds - missing_seeds :] = np.nan
    return variance_components(as_scores(values), sampling)


KINDS = {
    "one seed": components_of(40, 1),
    "three seeds": components_of(40),
    "two": components_of(2),
    "three": components_of(3, 1),
    "one and three seeds": components_of(40, missing_seeds=2),
    "two and three seeds": components_of(40, missing_seeds=1),
    "new clusters": components_of(40, sampling=BY_TEMPLATE),
    "same clusters": components_of(40, sampling=SAME_TEMPLATES),
    "one seed, same clusters": components_of(40, 1, SAME_TEMPLATES),
    "no shares": components_of(40, shares=False),
    "no shares, one and three seeds": components_of(40, shares=False, missing_seeds=2),
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("cells", [confidence_set._CELLS_AT_ONCE, 100])
def test_statements_are_those_of_the_whole_matrix(kind: str, cells: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(confidence_set, "_CELLS_AT_ONCE", cells)
    monkeypatch.setattr(holm, "_AT_ONCE", 7)
    components = KINDS[kind]
    pairs = reference_pairs(components)
    expected = reference_adjusted(pairs.centres, pairs.p_values)
    found = AdjustedPairs(two_way_bootstrap(components, 10))
    assert found.among(range(len(components))) == pytest.approx(expected, rel=1e-7, abs=1e-300)
    told, by_matrix = found.told_apart, told_apart(expected)
    assert told.num_better.tolist() == by_matrix.num_better.tolist()
    assert told.num_worse.tolist() == by_matrix.num_worse.tolist()
    assert told.least == pytest.approx(by_matrix.least, rel=1e-7, abs=1e-300)
    assert found.at(1, 0) == pytest.approx(expected[1, 0], rel=1e-7, abs=1e-300)


def test_these_studies_have_differences_that_only_the_later_steps_of_the_correction_tell() -> None:
    later = 0
    for components in KINDS.values():
        pairs = reference_pairs(components)
        adjusted = reference_adjusted(pairs.centres, pairs.p_values)
        number = len(components) * (len(components) - 1)
        by_bonferroni = np.where(pairs.centres > 0, pairs.p_values / 2 * number, 1.0)
        later += int(((adjusted < SIGNIFICANCE) & (by_bonferroni >= SIGNIFICANCE)).sum())
    assert later > 20


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("below", [np.inf, 0.5, 1e-3, 1e-12])
def test_p_values_that_are_not_computed_are_not_below_the_bound(kind: str, below: float) -> None:
    components = KINDS[kind]
    tests, expected = PairedTests(components), reference_pairs(components)
    rows, columns = np.arange(0, len(components), 2), np.arange(len(components))
    tested = tests.block(rows, columns, below)
    assert tested.centres == pytest.approx(expected.centres[rows])
    small = expected.p_values[rows] < below
    assert tested.p_values[small] == pytest.approx(expected.p_values[rows][small], rel=1e-7, abs=1e-300)
    assert (tested.p_values[~small] >= below * (1 - 1e-9)).all() or below == np.inf
    _, errors, freedom = tests.spreads(rows, columns)
    assert errors == pytest.approx(expected.errors[rows], abs=1e-8)
    assert freedom == pytest.approx(expected.freedom[rows], rel=1e-6)


def test_shares_without_answers_are_tested_among_themselves_and_against_answers() -> None:
    components = KINDS["three seeds"]
    shares, counts = np.linspace(0.1, 0.95, 30), np.full(30, 300)
    groups = [
        (range(40), two_way_bootstrap(components, 10)),
        (range(41, 71), independent_draws(shares.tolist(), counts.tolist(), 10)),
    ]
    side = side_by_side(groups, 71, 10)
    numbers = np.array([60.0] * 41 + [300.0] * 30)
    mixed = MixedTests(PairedTests(components), np.arange(40), UnpairedTests(side.means, numbers))
    there = np.delete(np.arange(71), 40)
    p_values = score_test(side.means[there], numbers[there])
    centres = np.subtract.outer(side.means[there], side.means[there])
    paired = reference_pairs(components)
    p_values[:40, :40], centres[:40, :40] = paired.p_values, paired.centres
    expected = reference_adjusted(centres, p_values)
    found = AdjustedPairs(Draws(side.means, side.blocks, mixed))
    assert found.among(there.tolist()) == pytest.approx(expected, rel=1e-7, abs=1e-300)
    assert found.told_apart.num_better[there].tolist() == (expected < SIGNIFICANCE).sum(axis=0).tolist()
    assert (found.told_apart.num_better[40], found.told_apart.least[40]) == (0, 1.0)
    assert set(found.among([40, 0, 41])[0]) == {1.0}


def test_turned_round_the_better_are_the_worse() -> None:
    components = KINDS["three seeds"]
    plain = two_way_bootstrap(components, 10)
    other = draws.turned_draws(plain)
    assert (other.values == -plain.values).all()
    assert pairwise_p_values(other) == pytest.approx(pairwise_p_values(plain).T)
    assert plain.pairs is not None
    tested = plain.pairs.block(np.arange(3), np.arange(3))
    assert (turned(tested).centres == -tested.centres).all()


@given(
    st.lists(st.sampled_from([0.0, 1e-9, 1e-6, 1e-4, 1e-3]) | st.floats(0, 0.02), min_size=2, max_size=60),
    st.integers(1, 9),
)
def test_holm_s_correction_is_that_of_statsmodels(small: list[float], at_once: int) -> None:
    whole_list = [*small, *[0.9] * 5]
    expected = multipletests(whole_list, method="holm")[1][: len(small)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(holm, "_AT_ONCE", at_once)
        found = Holm(np.array(small), len(whole_list))(np.array(small))
    assert found == pytest.approx(expected, rel=1e-12)


def test_draws_do_not_depend_on_how_many_are_made_at_once() -> None:
    blocks = {
        "paired": two_way_bootstrap(KINDS["three seeds"], 50).blocks,
        "clusters": two_way_bootstrap(KINDS["new clusters"], 50).blocks,
        "alone": independent_draws([0.2, 0.5], [100, 50], 50).blocks,
        "seeds": seed_draws([[1.0, 2.0], [3.0], [1.0, 4.0, 5.0], []], "step_seconds", 50),
    }
    for name, one in blocks.items():
        together, apart = (np.concatenate(list(one(number)), axis=1) for number in (50, 7))
        assert together.shape[1] == 50
        assert together == pytest.approx(apart, rel=1e-12, nan_ok=True), name


@pytest.mark.parametrize("kind", ["one seed", "three seeds", "one and three seeds", "new clusters", "no shares"])
def test_draws_are_distributed_as_those_of_the_reference(kind: str) -> None:
    components = KINDS[kind]
    found, expected = two_way_bootstrap(components).values, reference_draws(components, 10_000)
    spread = expected.std(axis=0)
    assert np.abs(found.mean(axis=0) - expected.mean(axis=0)) == pytest.approx(0, abs=5 * (2e-4**0.5) * spread.max())
    for share in (0.025, 0.25, 0.5, 0.75, 0.975):
        apart = np.quantile(found, share, axis=0) - np.quantile(expected, share, axis=0)
        assert (np.abs(apart) < 0.2 * spread + 1 / NUM_QUESTIONS).all()
    assert np.cov(found.T) == pytest.approx(np.cov(expected.T), abs=0.06 * spread.max() ** 2)


def test_shares_of_draws_are_those_of_the_reference() -> None:
    """Within what 10,000 draws leave open: five standard errors of a difference of two shares."""
    components = KINDS["three seeds"]
    seconds = [[1 + 0.1 * place + noise for noise in (0.0, 0.1, 0.3)] for place in range(40)]
    size = np.repeat(np.arange(20.0), 2)
    costs = {
        "step_seconds": CostDraws(seed_draws(seconds, "step_seconds"), Direction.LOWER),
        "checkpoint_bytes": CostDraws(seed_draws([[one] * 3 for one in size], "checkpoint_bytes"), Direction.LOWER),
    }
    found = shares_of_draws(two_way_bootstrap(components), costs, left_out=(0, 39))
    values = reference_draws(components, 10_000)
    inside = np.arange(1, 39)
    rng = np.random.default_rng(3)
    error = np.array([np.std(one, ddof=1) / 3**0.5 for one in seconds])
    drawn = {
        "step_seconds": np.array(seconds).mean(axis=1) + error * rng.standard_t(2, size=values.shape),
        "checkpoint_bytes": np.tile(size, (len(values), 1)),
    }
    for cost, cost_values in drawn.items():
        expected = np.zeros(40)
        expected[inside] = reference_times_on_front(-values[:, inside], cost_values[:, inside]) / len(values)
        assert found.on_front[cost] == pytest.approx(expected, abs=5 * (0.5 / 10_000) ** 0.5)
        assert np.ptp(expected[inside]) > 0.3
    is_best = values == values.max(axis=1, keepdims=True)
    expected = (is_best / is_best.sum(axis=1, keepdims=True)).mean(axis=0)
    assert found.best == pytest.approx(expected, abs=5 * (0.5 / 10_000) ** 0.5)
    assert found.best.sum() == pytest.approx(1.0)


def _clouds(rng: np.random.Generator) -> Sequence[tuple[FloatArray, FloatArray]]:
    good, noise = rng.normal(size=(300, 1)), rng.normal(size=(2, 300, 20))
    return [
        (noise[0], noise[1]),
        (good + 0.1 * noise[0], -good + 0.1 * noise[1]),
        (good + 0.1 * noise[0], good + 0.1 * noise[1]),
        (noise[0].round(), noise[1].round()),
        (np.repeat(good, 20, axis=1), noise[1]),
        (noise[0], np.repeat(good.round(), 20, axis=1)),
        (np.repeat(good.round(), 20, axis=1), np.repeat(-good.round(1), 20, axis=1)),
    ]


@pytest.mark.parametrize("number", range(7))
def test_times_on_the_front_are_those_of_every_method_against_every_other(number: int) -> None:
    one, other = _clouds(np.random.default_rng(5))[number]
    found = times_on_front([one, other])
    assert found.tolist() == reference_times_on_front(one.T, other.T).tolist()
    assert found.sum() > 0
    assert len(front_counts._pivots(one[:, 0], other[:, 0])) <= 12


def test_hundreds_of_methods_are_told_apart_as_by_the_whole_matrix() -> None:
    rng = np.random.default_rng(8)
    skill, hard = 3 * rng.normal(size=(400, 1, 1)), rng.normal(size=NUM_QUESTIONS)
    right = (skill + hard + rng.normal(size=(400, 2, NUM_QUESTIONS)) > 0).astype(float)
    components = variance_components(stacked_scores([dict(enumerate(one)) for one in right], [False] * 400))
    pairs = reference_pairs(components)
    expected = told_apart(reference_adjusted(pairs.centres, pairs.p_values))
    found = AdjustedPairs(two_way_bootstrap(components, 10)).told_apart
    assert found.num_better.tolist() == expected.num_better.tolist()
    assert found.num_worse.tolist() == expected.num_worse.tolist()
    assert found.least == pytest.approx(expected.least, rel=1e-7, abs=1e-300)
    assert found.num_better.max() > 100


def test_draws_that_are_there_already_come_in_blocks() -> None:
    values = np.arange(12.0).reshape(6, 2)
    one = draws.fixed_draws(values.mean(axis=0), values)
    assert (whole(one.blocks, 2) == values).all()
    assert [block.shape for block in one.blocks(4)] == [(2, 4), (2, 2)]
