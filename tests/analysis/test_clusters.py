import numpy as np
import pytest

from paretune.analysis.decisions.compare import compare_in
from paretune.analysis.statistics.bootstrap import two_way_bootstrap
from paretune.analysis.statistics.clusters import INDEPENDENT, Sampling, sampling_of
from paretune.analysis.statistics.estimate import accuracy_estimate
from paretune.analysis.statistics.paired import paired_difference
from paretune.analysis.statistics.simulation import as_scores, clustered_accuracies, simulate_clustered
from paretune.analysis.statistics.variance import variance_components
from paretune.analysis.table.evidence import Evidence
from paretune.store.items import QuestionScores
from tests.studies import evidence

CLUSTERS = [f"c{place // 20}" for place in range(320)]


def answers(number: int, effect: float = 1.0, methods: int = 2) -> np.ndarray:
    rng = np.random.default_rng(number)
    kinds = 0.5 * rng.normal(size=16) + effect * rng.normal(size=(methods, 16))
    return simulate_clustered(np.zeros(methods), kinds, 3, 320, 0.1, rng)


def test_a_cluster_for_each_question_is_independence() -> None:
    values = np.random.default_rng(0).normal(size=(3, 50))
    own = Sampling("new clusters", tuple(range(50)))
    assert own.contributions(values) == pytest.approx(INDEPENDENT.contributions(values))
    assert own.variance(values[0]) == pytest.approx(INDEPENDENT.variance(values[0]))
    assert own.freedom(50) == pytest.approx(49)


def test_variances_of_balanced_clusters_are_the_textbook_ones() -> None:
    values = np.random.default_rng(1).normal(size=60)
    codes = np.repeat(np.arange(12), 5)
    by_cluster = values.reshape(12, 5)
    new = Sampling("new clusters", tuple(codes))
    assert new.variance(values) == pytest.approx(by_cluster.mean(axis=1).var(ddof=1) / 12)
    assert new.freedom(60) == pytest.approx(11)
    same = Sampling("same clusters", tuple(codes))
    assert same.variance(values) == pytest.approx(by_cluster.var(axis=1, ddof=1).mean() / 60)
    assert same.freedom(60) == 48


def test_few_clusters_count_as_fixed_and_none_as_independent_questions() -> None:
    assert sampling_of(CLUSTERS).scope == "new clusters"
    assert sampling_of(CLUSTERS[:60]).scope == "same clusters"
    assert sampling_of(CLUSTERS[:60], "new clusters").scope == "new clusters"
    assert sampling_of([None] * 30) == INDEPENDENT
    assert sampling_of(["only"] * 30) == INDEPENDENT
    assert sampling_of(["a", "a", None, None]).num_clusters == 3


def test_intervals_for_new_kinds_cover_where_those_for_independent_questions_do_not() -> None:
    covered, naive, accuracies = [], [], []
    truth = clustered_accuracies(np.zeros(1), np.zeros((1, 1)), 0.5)[0]
    for number in range(150):
        scores = as_scores(answers(number))
        components = variance_components(scores, sampling_of(CLUSTERS))
        low, high = paired_difference(*components).interval
        covered.append(low <= 0 <= high)
        low, high = paired_difference(*variance_components(scores)).interval
        naive.append(low <= 0 <= high)
        low, high = accuracy_estimate(components[0]).interval
        accuracies.append(low <= truth <= high)
    assert np.mean(covered) > 0.9
    assert np.mean(naive) < 0.8
    assert np.mean(accuracies) > 0.9


def test_the_same_kinds_are_narrower_than_new_ones() -> None:
    scores = as_scores(answers(0))
    new, same = (
        paired_difference(*variance_components(scores, sampling_of(CLUSTERS, scope)))
        for scope in ("new clusters", "same clusters")
    )
    assert same.questions_variance < new.questions_variance / 2
    assert new.test == (
        "t test, paired by question, over clusters of questions; seeds count as independent, not as pairs"
    )


def test_draws_spread_as_the_clusters_do() -> None:
    one_seed = as_scores(answers(3)[:, :1])
    components = variance_components(one_seed, sampling_of(CLUSTERS))
    draws = two_way_bootstrap(components)
    variances = [one.units_variance for one in components]
    assert np.diag(np.cov(draws.values.T)) == pytest.approx(variances, rel=0.4)
    assert draws.values.std(axis=0).min() > two_way_bootstrap(variance_components(one_seed)).values.std(0).max()


def test_a_comparison_says_what_its_interval_speaks_of() -> None:
    plain = evidence(dict(zip(("lora", "oft"), answers(5), strict=True)))
    assert not any("alike" in note for note in compare_in(plain, "lora", "oft").notes)

    def with_clusters(number: int) -> Evidence:
        def scores(record: object) -> QuestionScores:
            found = plain.answers(record) or {}  # type: ignore[arg-type]
            names = sorted(found)
            return QuestionScores(found, {name: f"c{place % number}" for place, name in enumerate(names)})

        return Evidence(plain.records, scores)

    many, few = (compare_in(with_clusters(number), "lora", "oft") for number in (16, 4))
    assert many.notes[-1] == (
        "The 320 questions come from 16 templates. Questions of one template are alike, so they count for less than "
        "320 independent ones; intervals and tests are about questions from other templates too."
    )
    assert few.notes[-1] == (
        "The 320 questions come from 4 templates. Questions of one template are alike, and so few templates say little "
        "about others; intervals and tests are about new questions of these templates alone."
    )
    assert many.test != few.test
