"""Similarities are means of cosines: intervals, differences and fronts come from Student, not from counting."""

import numpy as np
import pytest
from scipy import stats

from paretune.analysis import Evidence, judged_rows
from paretune.analysis.decisions.compare import compare_in
from paretune.analysis.decisions.front import front_of
from paretune.analysis.decisions.recommend import recommend_from
from paretune.analysis.table.comparison_set import make_comparison_set
from paretune.analysis.table.rows import rows_of
from paretune.spec import InputError, Record
from tests.records import make_record

NUM_DRAWINGS = 24


def record(label: str, seed: int, scores: np.ndarray, drifts: np.ndarray) -> Record:
    made = make_record(label, seed=seed)
    metrics = {"similarity": float(scores.mean()), "drift": float(drifts.mean()), "train_peak_bytes": 1e9}
    return made.model_copy(
        update={"metrics": metrics, "groups": {}, "num_items": len(scores), "drifts": tuple(drifts.tolist())}
    )


class World:
    """Scores of three methods on the same drawings, two seeds each."""

    def __init__(self, seeds: tuple[int, ...] = (0, 1)) -> None:
        rng = np.random.default_rng(1)
        hard = rng.normal(0, 0.08, NUM_DRAWINGS)
        self.scores: dict[tuple[str, int], np.ndarray] = {}
        self.records: list[Record] = []
        for label, mean in (("lora", 0.75), ("oft", 0.7), ("ia3", 0.5)):
            for seed in seeds:
                scores = mean + hard + rng.normal(0, 0.02, NUM_DRAWINGS)
                self.scores[label, seed] = scores
                self.records.append(record(label, seed, scores, rng.uniform(0, 0.2, 10)))

    def answers(self, made: Record) -> dict[str, float]:
        scores = self.scores[made.trial.method.label, made.trial.seed]
        return {f"{place:02}": float(score) for place, score in enumerate(scores)}

    def answers_or_none(self, made: Record) -> dict[str, float] | None:
        return self.answers(made) if (made.trial.method.label, made.trial.seed) in self.scores else None

    @property
    def evidence(self) -> Evidence:
        return Evidence(tuple(self.records), self.answers)


def test_with_one_seed_the_interval_is_students_over_drawings() -> None:
    world = World(seeds=(0,))
    row = next(row for row in judged_rows(world.records, world.answers) if row.method == "lora")
    scores = world.scores["lora", 0]
    expected = stats.t.interval(0.95, len(scores) - 1, loc=scores.mean(), scale=stats.sem(scores))
    assert row.quality_interval == pytest.approx(expected)
    assert row.standing is not None
    assert row.standing.place.rank == 1


def test_with_one_seed_the_comparison_is_the_paired_t_test() -> None:
    world = World(seeds=(0,))
    found = compare_in(world.evidence, "lora", "oft")
    expected = stats.ttest_rel(world.scores["lora", 0], world.scores["oft", 0])
    assert found.p_value == pytest.approx(expected.pvalue)
    assert tuple(found.interval) == pytest.approx(tuple(expected.confidence_interval()))
    assert (found.metric, found.verdict, found.num_questions) == ("similarity", "ahead", NUM_DRAWINGS)
    assert found.sentence.startswith("lora is ahead of oft in these runs by 0.048")
    assert "95% interval +0.0" in found.sentence
    assert "points" not in found.sentence


def test_several_seeds_widen_the_interval_of_a_method_that_depends_on_them() -> None:
    world = World()
    world.scores["lora", 1] = world.scores["lora", 1] + 0.1
    rows = {row.method: row for row in judged_rows(world.records, world.answers)}
    lora, ia3 = rows["lora"].standing, rows["ia3"].standing
    assert lora is not None
    assert ia3 is not None
    assert lora.estimate.seeds_standard_error is not None
    assert lora.estimate.seeds_standard_error > 5 * (ia3.estimate.seeds_standard_error or 0)
    high, low = lora.estimate.interval.high, lora.estimate.interval.low
    assert high - low > ia3.estimate.interval.high - ia3.estimate.interval.low


def test_fronts_and_recommendations_go_by_similarity_unless_told_otherwise() -> None:
    world = World()
    front = front_of(world.evidence, None)
    assert front.metrics == ("similarity", "train_peak_bytes")
    assert [point.name for point in front.points if point.on_front] == ["lora"]
    assert recommend_from(world.evidence).shortlist[0].name == "lora"
    compared = make_comparison_set(rows_of(world.records), world.answers)
    assert compared is not None
    assert compared.metric_draws("drift").std(axis=0).min() > 0, "drawn over pictures, not over seeds alone"


def test_a_mean_of_cosines_whose_drawings_are_unknown_is_not_compared() -> None:
    world = World()
    assert make_comparison_set(rows_of(world.records), lambda _: None) is None
    assert all(row.standing is None for row in judged_rows(world.records, lambda _: None))
    unscored = r"similarity is known only as a single value, without a value for each image$"
    with pytest.raises(InputError, match=unscored):
        compare_in(Evidence(tuple(world.records), lambda _: None), "lora", "oft")


def test_a_mean_of_cosines_whose_drawings_are_unknown_is_not_recommended_and_the_reason_is_true() -> None:
    world = World()
    found = recommend_from(Evidence(tuple(world.records), lambda _: None))
    assert found.admissible == ()
    reasons = {reason.requirement for one in found.ruled_out for reason in one.reasons}
    assert reasons == {"uncertainty of similarity"}
    assert "without a value for each image, its uncertainty is unknown" in " ".join(found.notes)


def test_a_row_without_the_main_figure_is_not_compared() -> None:
    world = World()
    bare = make_record("hra").model_copy(update={"metrics": {"drift": 0.1}, "groups": {}})
    with pytest.raises(InputError, match=r'"hra" cannot be compared.*its similarity is missing'):
        compare_in(Evidence((*world.records, bare), world.answers_or_none), "hra", "oft")
