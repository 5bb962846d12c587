"""What is said goes by the task's main metric, whichever way is better and whatever its unit."""

from collections.abc import Iterator, Mapping

import numpy as np
import pytest

from paretune.analysis import Evidence, judged_rows
from paretune.analysis.decisions.claim import judge_claim
from paretune.analysis.decisions.compare import compare_in
from paretune.analysis.decisions.comparison import comparison_sentence
from paretune.analysis.decisions.recommend import recommend_from
from paretune.analysis.decisions.wishes import Wishes, recommend_by
from paretune.analysis.table.floor import floor_notes
from paretune.report import results_json
from paretune.report.decisions import comparison_lines, recommendation_lines
from paretune.spec import Direction, InputError, Metric, Record, TaskSpec, Unit
from paretune.store.items import QuestionScores
from tests.analysis.contradictions import contradictions, everything_said, few_draws
from tests.analysis.simulated_studies import simulated_study
from tests.records import make_record
from tests.studies import evidence as accuracies

ERRORS = Metric(
    name="error_rate", label="Error rate", unit=Unit.FRACTION, direction=Direction.LOWER, definition="Share of errors."
)
PERPLEXITY = Metric(
    name="perplexity", label="Perplexity", direction=Direction.LOWER, low=1.0, definition="Of each text.", items="texts"
)
BLEU = Metric(name="bleu", label="BLEU", low=0.0, high=100.0, definition="Of the corpus.", per="corpus")
NUM_STUDIES = 20


@pytest.fixture(autouse=True, scope="module")
def _few_draws() -> Iterator[None]:
    with few_draws():
        yield


def scored(record: Record, metric: Metric, value: float | None, num_items: int | None) -> Record:
    """Return a record whose task has another main metric, and this value of it."""
    task: TaskSpec = record.trial.task.model_copy(update={"metrics": (metric,)})
    rest = {name: one for name, one in record.metrics.items() if not name.startswith("accuracy")}
    metrics = rest if value is None else {metric.name: value, **rest}
    changes = {"trial": record.trial.model_copy(update={"task": task}), "metrics": metrics, "num_items": num_items}
    return record.model_copy(update={**changes, "standard_errors": {}, "groups": {}})


def turned_round(evidence: Evidence) -> Evidence:
    """Return a study of accuracies as one of error rates."""
    accuracies = {record.trial_id: record.metrics.get("accuracy") for record in evidence.records}
    wrong = {name: None if value is None else 1 - value for name, value in accuracies.items()}
    records = tuple(scored(one, ERRORS, wrong[one.trial_id], one.num_items) for one in evidence.records)
    by_id = {record.trial_id: record for record in evidence.records}

    def answers(record: Record) -> Mapping[str, float] | None:
        found = evidence.answers(by_id[record.trial_id])
        if found is None:
            return None
        wrong = {name: 1 - right for name, right in found.items()}
        return QuestionScores(wrong, found.clusters) if isinstance(found, QuestionScores) else wrong

    return evidence._replace(records=records, answers=answers)


@pytest.mark.parametrize("number", range(NUM_STUDIES))
def test_a_study_of_error_rates_says_what_the_study_of_accuracies_says(number: int) -> None:
    evidence, known = simulated_study(number)
    plain, turned = everything_said(evidence, known), everything_said(turned_round(evidence), known)
    assert contradictions(turned) == []
    assert turned.comparisons.keys() == plain.comparisons.keys()
    for pair, found in turned.comparisons.items():
        other = plain.comparisons[pair]
        assert found.metric == "error_rate"
        assert found.difference == pytest.approx(-other.difference)
        assert found.gain == pytest.approx(other.difference)
        assert sorted(found.interval) == pytest.approx(sorted(-end for end in other.interval))
        assert found.p_value == pytest.approx(other.p_value)
        assert found.test == other.test
        if other.paired:  # otherwise the few draws are of means, and another way round they are others
            assert found.p_value_adjusted == pytest.approx(other.p_value_adjusted, abs=0.05)
    for name, row in turned.rows.items():
        other_row = plain.rows[name]
        assert (row.below_floor, row.fronts) == (other_row.below_floor, other_row.fronts)
        assert (row.standing is None) == (other_row.standing is None)
        if row.standing is not None and other_row.standing is not None:
            assert row.standing.place.rank == other_row.standing.place.rank
            low, high = other_row.standing.estimate.interval
            assert row.standing.estimate.interval == pytest.approx((1 - high, 1 - low))
    names = [[one.name for one in said.recommendation.shortlist[:1]] for said in (plain, turned)]
    assert names[0] == names[1]


def texts(means: Mapping[str, float], metric: Metric = PERPLEXITY, number: int = 60, seeds: int = 1) -> Evidence:
    """Return a study of methods with these means of a continuous metric on the same texts."""
    rng = np.random.default_rng(3)
    hard, scores, records = rng.normal(0, 2, number), {}, []
    for label, mean in means.items():
        for seed in range(1 if label == "base" else seeds):
            values = mean + hard + rng.normal(0, 0.5, number)
            made = scored(make_record(label, seed=seed), metric, float(values.mean()), number)
            scores[made.trial_id] = {f"t{place:03}": float(value) for place, value in enumerate(values)}
            records.append(made)
    return Evidence(tuple(records), lambda record: scores[record.trial_id])


STUDY = texts({"base": 21.0, "lora": 12.0, "oft": 12.9, "ia3": 24.0})


def test_the_lowest_perplexity_is_the_best() -> None:
    rows = {row.method: row for row in judged_rows(STUDY.records, STUDY.answers)}
    places = {name: row.standing.place.rank for name, row in rows.items() if row.standing}
    assert places == {"lora": 1, "oft": 2, "base": 3, "ia3": 4}
    assert [name for name, row in rows.items() if row.standing and row.standing.tied_for_best] == ["lora"]
    assert [name for name, row in rows.items() if row.below_floor] == ["ia3"]
    found = results_json(list(STUDY.records), STUDY.answers)
    assert found["rows"][1]["intervals"].keys() == {"perplexity"}
    assert "Left out of the Pareto front, since perplexity is not below that of the base model: ia3." in found["notes"]


def test_a_floor_is_a_bound_in_the_metric_s_own_direction() -> None:
    rows = judged_rows(STUDY.records, STUDY.answers, floor={"perplexity": 12.5})
    assert [row.method for row in rows if row.below_floor] == ["base", "oft", "ia3"]
    (note,) = floor_notes(rows, {"perplexity": 12.5})
    assert note == "Left out of the Pareto front, since perplexity is above the maximum: base, oft, ia3."
    (note,) = floor_notes(judged_rows(STUDY.records, STUDY.answers, floor={"accuracy": 0.5}), {"accuracy": 0.5})
    assert note.startswith("Left out of the Pareto front, since accuracy is below the minimum: base, lora")


def test_a_comparison_names_metric_and_direction() -> None:
    found = compare_in(STUDY, "oft", "lora")
    assert found.verdict == "behind"
    assert found.sentence.startswith("oft is behind lora in these runs, with 0.77")
    assert " higher perplexity; " in found.sentence
    assert "This pair alone: 95% interval +0." in found.sentence
    assert "points" not in " ".join(comparison_lines(found))
    assert comparison_lines(found)[0].endswith("60 texts")
    assert found.test == "t test, paired by text"
    assert found.model_dump(mode="json")["definition"]["direction"] == "lower"
    turned = compare_in(STUDY, "lora", "oft")
    assert " lower perplexity; " in turned.sentence
    assert "This pair alone: 95% interval -" in turned.sentence


def test_an_undecided_comparison_says_how_near_the_two_are() -> None:
    study = texts({"base": 21.0, "lora": 12.0, "oft": 12.02})
    sentence = compare_in(study, "lora", "oft").sentence
    assert "No significant difference: lora has 0.1" in sentence
    assert " higher perplexity than oft. This pair alone: 95% interval -0." in sentence
    assert "Corrected for all 3 pairs of the 3 rows: p = " in sentence
    assert (
        "; a true difference of more than 0.3038 in perplexity, either way, is ruled out (95% confidence)." in sentence
    )


def test_a_claim_takes_its_margin_in_the_metric_s_unit() -> None:
    found = judge_claim(STUDY, "lora beats oft by 0.5")
    assert found.verdict == "undecided"
    assert "the results support it, but the protocol is not met" in found.reason
    assert "lora against oft: -0.77" in found.reason
    assert judge_claim(STUDY, "oft beats lora by 0.5").reason.count("not ahead by 0.5") == 1
    for wrong in ("lora beats oft by 2 points", "lora matches oft within 1 point"):
        with pytest.raises(InputError, match="perplexity is no share, so its margin has no points"):
            judge_claim(STUDY, wrong)


def test_a_recommendation_is_the_least_perplexity_and_takes_limits_on_it() -> None:
    found = recommend_from(STUDY)
    lines = recommendation_lines(found)
    assert lines[0] == "word_problems, test split: lowest perplexity; the best as measured first"
    assert lines[1].startswith("1. lora: perplexity 12.")
    assert any("ia3: perplexity 2" in line and "not below that of the base model 2" in line for line in lines)
    assert found.model_dump(mode="json")["scored"][0]["name"] == "perplexity"
    limited = recommend_by(STUDY, Wishes(limits=["perplexity<=12.5"]), known={})
    assert limited.admissible == ("lora",)
    lowest_memory = recommend_by(STUDY, Wishes(maximise="train_peak_bytes", limits=["perplexity<=30"]), known={})
    assert lowest_memory.admissible[0] == "ia3"
    weighted = recommend_by(STUDY, Wishes(weights={"perplexity": 3, "checkpoint_bytes": 1}), known={})
    assert weighted.admissible[0] in {"lora", "oft"}
    with pytest.raises(
        InputError, match=r'no metric "perplexty" \(did you mean "perplexity"\?\); there are: perplexity, accuracy'
    ):
        recommend_by(STUDY, Wishes(limits=["perplexty<=12"]), known={})


def test_several_seeds_of_a_bounded_corpus_metric_keep_within_its_bounds() -> None:
    study = texts({"base": 1.0, "lora": 99.5, "oft": 60.0}, BLEU, seeds=3)
    rows = {row.method: row for row in judged_rows(study.records, study.answers)}
    assert rows["lora"].quality_interval is not None
    assert rows["lora"].quality_interval.high == 100.0
    assert rows["base"].quality_interval is not None
    assert rows["base"].quality_interval.low >= 0.0
    found = compare_in(study, "lora", "oft")
    assert "higher BLEU; " in found.sentence
    assert "This pair alone: 95% interval +3" in found.sentence
    assert found.test == "t test, paired by question; seeds count as independent, not as pairs"


def test_a_corpus_metric_without_its_items_is_not_compared() -> None:
    share = BLEU.model_copy(update={"name": "f1", "label": "F1", "unit": Unit.FRACTION, "high": 1.0})
    bare = texts({"base": 0.2, "lora": 0.5}, share)._replace(answers=lambda _: None)
    with pytest.raises(InputError, match="F1 is known only as a single value, without a value for each question"):
        compare_in(bare, "lora", "base")


def test_the_next_experiment_is_with_the_better_of_two_that_are_equally_unlikely_to_be_best() -> None:
    right = {"lora": 7, "oft": 0, "dora": 1, "ia3": 0}
    answers = {label: np.array([[1.0] * number + [0.0] * (7 - number)]) for label, number in right.items()}
    plain = accuracies(answers)
    for found in (plain, turned_round(plain)):
        said = recommend_from(found)
        assert [one.probability_best for one in (*said.shortlist, *said.others)] == [1, 0, 0, 0]
        assert said.next_experiment is not None
        assert (said.next_experiment.first, said.next_experiment.second) == ("lora", "dora")


def test_what_no_number_would_separate_is_said_in_the_metric_s_items() -> None:
    found = compare_in(texts({"base": 21.0, "lora": 12.0, "oft": 12.0}), "lora", "oft")
    hopeless = found.model_copy(update={"more_questions": None, "more_seeds": None})
    alone = (
        "More texts alone or more seeds alone would not separate a difference this small, not even 100 times as many"
    )
    assert f"{alone}, nor would both together." in comparison_sentence(hopeless)
    both = comparison_sentence(hopeless.model_copy(update={"times_both": 12}))
    assert f"{alone}. About 12 times as many texts together with 12 times as many seeds would, in 4 of 5 " in both


def test_a_graded_share_that_is_nothing_everywhere_keeps_an_interval() -> None:
    share = Metric(name="f1", label="F1", unit=Unit.FRACTION, definition="Of words.")
    records = [scored(make_record(label), share, mean, 60) for label, mean in (("base", 0.0), ("lora", 59 / 120))]

    def graded(record: Record) -> QuestionScores:
        best = 0.0 if record.trial.method.label == "base" else 1.0
        return QuestionScores({f"t{place:03}": best * place / 60 for place in range(60)}, {})

    rows = {row.method: row for row in judged_rows(records, graded)}
    base, lora = rows["base"].quality_interval, rows["lora"].quality_interval
    assert base is not None
    assert lora is not None
    assert base.low == 0
    assert 0.01 < base.high < lora.low
