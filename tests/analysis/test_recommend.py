"""Recommendations on studies whose right answer is known."""

import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from paretune.analysis import Evidence, no_answers
from paretune.analysis.decisions.recommend import recommend_from
from paretune.analysis.decisions.recommendation import Merit, Recommendation
from paretune.analysis.decisions.requirements import Limit, parse_limit
from paretune.analysis.statistics.scores import FloatArray
from paretune.report.decisions import experiment_text, recommendation_lines
from paretune.report.format import show
from paretune.spec import METRICS, InputError, MethodSpec, OutOfMemory, Phase, PhaseReading, Record
from tests.analysis.test_comparison import GPU, right
from tests.records import FIGURES, PROVENANCE, make_record, make_records
from tests.studies import drawn_answers, evidence


def scattered(number: int, num_questions: int = 400) -> FloatArray:
    """Return answers of three seeds, so many of them right in each, at random places."""
    rng = np.random.default_rng(number)
    return np.array([rng.permutation(right(number, of=num_questions)[0]) for _ in range(3)])


# Full is best and dear; lora, dora and oft are as good as each other; ia3 is behind and cheap. Costs are in `FIGURES`.
KNOWN = evidence(
    {
        label: scattered(number)
        for label, number in {"full": 260, "lora": 181, "dora": 182, "oft": 179, "ia3": 80, "base": 12}.items()
    }
)


def asked(*limits: str, found: Evidence = KNOWN, **wishes: object) -> Recommendation:
    return recommend_from(found, limits=[parse_limit(text, "test") for text in limits], **wishes)  # type: ignore[arg-type]


def names(found: Recommendation) -> list[str]:
    return [candidate.name for candidate in found.shortlist]


def reasons(found: Recommendation) -> dict[str, list[tuple[str, str]]]:
    return {one.name: [(reason.kind, reason.requirement) for reason in one.reasons] for one in found.ruled_out}


def test_the_best_is_named_and_nothing_more_is_needed() -> None:
    found = asked()
    assert names(found) == ["full"]
    assert found.shortlist[0].probability_best > 0.99
    assert found.next_experiment is None
    assert found.ruled_out == ()
    assert {one.name for one in found.others} == {"lora", "dora", "oft", "ia3", "base"}
    assert all(one.confidence_set_p_value < 0.05 for one in found.others)


def test_a_method_that_may_be_no_better_than_the_base_model_says_so() -> None:
    found = asked(found=evidence({"lora": right(14, 14, 14), "oft": right(60, 60, 60), "base": right(12)}))
    (best,) = (one for one in found.shortlist if one.name == "oft")
    assert best.not_shown_above == ()
    alike = asked(found=evidence({"lora": right(14, 14, 14), "base": right(12)}))
    assert alike.shortlist[0].name == "lora"
    assert alike.shortlist[0].not_shown_above == ("base",)
    assert "not shown to be better than base" in "\n".join(recommendation_lines(alike))
    assert "* Costs count as less" not in "\n".join(recommendation_lines(asked()))


def test_a_limit_rules_the_best_out_and_the_tied_ones_are_listed_with_their_merits() -> None:
    found = asked("train_peak_bytes<=2GB")
    assert reasons(found) == {"full": [("limit", "train_peak_bytes")], "base": [("does not train", "training")]}
    assert {"lora", "oft"} <= set(names(found)) <= {"lora", "dora", "oft"}
    merits = {one.name: {merit.metric for merit in one.merits} for one in found.shortlist}
    assert {"train_peak_bytes", "step_seconds"} <= merits["lora"]
    assert {"checkpoint_bytes", "trainable_parameters"} <= merits["oft"]
    assert "forgetting" not in merits["oft"], "0.031 and 0.042, with a standard error of 0.004 each, are not told apart"
    assert sum(one.probability_best for one in found.shortlist + found.others) == pytest.approx(1.0)
    assert found.next_experiment is not None
    assert {found.next_experiment.first, found.next_experiment.second} <= {"lora", "dora", "oft"}


def test_what_costs_more_everywhere_and_is_no_better_is_not_listed() -> None:
    answers = {"lora": right(100, 101, 99), "dora": right(100, 101, 99)}
    found = asked(found=evidence(answers))
    assert names(found) == ["lora"]  # equal accuracy, so the cost decides
    assert [(one.name, one.outdone_by) for one in found.others] == [("dora", "lora")]
    found = asked(found=evidence({"lora": right(100, 101, 99), "dora": right(99, 100, 98)}))
    assert names(found) == ["lora"]
    assert [(one.name, one.outdone_by) for one in found.others] == [("dora", "lora")]


def test_capabilities_that_nobody_looked_at_do_not_count() -> None:
    known = {"lora": {"mergeable": True}, "dora": {"mergeable": None}, "oft": {"mergeable": False}}
    found = asked(capabilities=["mergeable"], known=known)
    assert found.admissible == ("lora",)
    assert reasons(found)["dora"] == [("capability unknown", "mergeable")]
    assert reasons(found)["oft"] == [("capability", "mergeable")]
    assert reasons(found)["full"] == [("capability unknown", "mergeable")]


def test_missing_figures_and_failed_seeds_never_win() -> None:
    out = make_record("boft", outcome=OutOfMemory(), seed=0)
    bare = [make_record("hra", seed=seed, metrics={"accuracy": 0.9}, num_items=400) for seed in range(3)]
    whole = Evidence((*KNOWN.records, out, *bare), KNOWN.answers)
    found = asked("checkpoint_bytes<=1TB", found=whole)
    assert reasons(found)["boft"] == [("did not end", "out_of_memory")]
    assert reasons(found)["hra"] == [("not measured", "checkpoint_bytes")]
    assert names(found) == ["full"]
    uncounted = Evidence((*KNOWN.records, make_record("hra", num_items=None)), KNOWN.answers)
    found = asked(found=uncounted)
    assert reasons(found)["hra"] == [("not measured", "uncertainty of accuracy")]
    assert "accuracy is known only as a single value, without the number of questions" in " ".join(found.notes)


def test_nothing_left_is_an_answer() -> None:
    found = asked("train_peak_bytes<=1MB")
    assert (found.shortlist, found.others, found.next_experiment) == ((), (), None)
    assert len(found.ruled_out) == 6


def test_a_cost_can_be_what_is_to_be_small_and_weights_can_mix() -> None:
    cheapest = asked(weights={"train_peak_bytes": 1.0})
    assert names(cheapest) == ["ia3"]
    assert cheapest.shortlist[0].value == pytest.approx(1.09e9)
    assert "base" in reasons(cheapest)
    assert names(asked(weights={"accuracy": 1.0, "train_peak_bytes": 0.05})) == ["full"]
    mixed = asked(weights={"accuracy": 1.0, "train_peak_bytes": 5.0})
    assert names(mixed)[0] != "full"
    assert mixed.weights == pytest.approx({"accuracy": 1 / 6, "train_peak_bytes": 5 / 6})
    assert all(0 <= one.value <= 1 for one in mixed.shortlist + mixed.others)
    for weights in ({"accuracy": 0.0}, {"accuracy": float("inf")}, {"speed": 1.0}):
        with pytest.raises(InputError, match="objective"):
            asked(weights=weights)


def test_the_untouched_base_is_no_answer_to_which_costs_least() -> None:
    answers = {"base": right(0, 0, 0), "base-few-shot": right(0, 0, 0), "lora": right(40, 41, 42)}
    for weights in ({"forgetting": 1.0}, {"accuracy": 1.0, "forgetting": 1.0}):
        found = asked(found=evidence(answers), weights=weights)
        assert found.admissible == ("lora",)
        assert {"base", "base-few-shot"} == {*reasons(found)}
    enough = asked("accuracy>=0%", found=evidence(answers), weights={"forgetting": 1.0})
    assert {"base", "lora"} <= {*enough.admissible}


def test_examples_in_the_prompt_are_listed_to_compare_with_like_the_base_model() -> None:
    shown = MethodSpec(name="base-few-shot", label="base-few-shot", implementation="base", parameters={"shots": 4})
    for number in (10, 12, 14):
        answers = {"base": right(12), "base-few-shot": right(number), "lora": right(40)}
        found = asked(found=evidence(answers, base_few_shot={"method": shown}))
        assert not found.ruled_out
        head = "Not fine-tuned, shown for comparison; behind lora in these runs: "
        (line,) = [line for line in recommendation_lines(found) if line.startswith(head)]
        assert {"base", "base-few-shot"} == {*line.removeprefix(head).rstrip(".").split(", ")}


def test_a_tied_method_says_of_which_costs_it_needs_clearly_less_and_of_which_more() -> None:
    found = asked()
    best = found.shortlist[0]
    seconds = best.metrics["step_seconds"]

    def reasons_with(step_seconds: float) -> str:
        tied = best.model_copy(
            update={
                "name": "x",
                "metrics": best.metrics | {"step_seconds": step_seconds},
                "merits": (Merit(kind="tied for best"),),
            }
        )
        return "\n".join(recommendation_lines(found.model_copy(update={"shortlist": (best, tied)})))

    shown = [show(METRICS["step_seconds"], value) for value in (0.5 * seconds, seconds)]
    assert f"less* than {best.name}: step time {shown[0]} instead of {shown[1]};" in reasons_with(0.5 * seconds)
    for same in (0.98 * seconds, seconds):
        assert f"no cost is clearly lower* than that of {best.name};" in reasons_with(same)
    more = f"more* than {best.name}: step time {show(METRICS['step_seconds'], 2 * seconds)} instead of {shown[1]};"
    assert f"no cost is clearly lower* than that of {best.name}; {more}" in reasons_with(2 * seconds)


@pytest.mark.parametrize(("share", "listed"), [(0.98, False), (0.5, True)])
def test_a_difference_of_a_cost_within_three_percent_is_no_reason_to_list_a_method(share: float, listed: bool) -> None:
    def cheaper(record: Record) -> Record:
        if record.trial.method.label != "dora":
            return record
        lora = make_record("lora", seed=record.trial.seed)
        metrics = lora.metrics | {"accuracy": record.metrics["accuracy"]}
        return record.model_copy(
            update={
                "metrics": metrics | {"step_seconds": share * metrics["step_seconds"]},
                "provenance": lora.provenance,
            }
        )

    whole = evidence({"base": right(2, 2), "lora": right(41, 40), "dora": right(40, 40)})
    found = asked(found=Evidence(tuple(map(cheaper, whole.records)), whole.answers))
    assert ("dora" in [one.name for one in found.shortlist]) is listed
    assert [one.outdone_by for one in found.others if one.name == "dora"] == ([] if listed else ["lora"])


def test_nothing_better_than_the_untouched_base_is_said() -> None:
    none_right = asked(found=evidence({"base": right(0, of=16), "lora": right(0, of=16), "ia3": right(0, of=16)}))
    assert none_right.admissible == ("base",)
    text = "\n".join(recommendation_lines(none_right))
    said = "No method that trains was shown to be better than the base model without training"
    assert f"{said} (base)." in text
    assert "probability" not in text
    assert "No other method" not in text
    tied = asked(found=evidence({"base": right(10, of=40), "lora": right(12, of=40)}))
    assert said in "\n".join(recommendation_lines(tied))
    assert "untouched" not in "\n".join(recommendation_lines(asked()))


def test_a_limit_that_is_only_just_kept_says_so() -> None:
    accuracy = next(one for one in (*asked().others,) if one.name == "lora").value
    (lora,) = (
        one for one in asked(f"accuracy>={accuracy - 0.005}").others if one.name == "lora"
    )  # fmt: skip
    assert 0.5 < lora.limit_probabilities["accuracy"] < 0.975
    assert asked("accuracy>=1%").shortlist[0].limit_probabilities == {}


def test_other_conditions_are_refused_unless_told() -> None:
    answers = drawn_answers({"full": 0.65, "lora": 0.45, "dora": 0.45})
    elsewhere = evidence(answers, dora={"provenance": GPU})
    with pytest.raises(InputError, match="another device for dora"):
        asked(found=elsewhere)
    told = asked(found=elsewhere, across=True)
    assert names(told) == ["full"]
    assert any("another device for dora" in note for note in told.notes)
    assert any("Not compared" in note and "training memory" in note for note in told.notes)
    busy = evidence(answers, dora={"provenance": PROVENANCE.model_copy(update={"concurrent_workers": 2})})
    assert names(asked(found=busy)) == ["full"]
    with pytest.raises(InputError, match="number of trials at once for dora"):
        asked("step_seconds<=5s", found=busy)


def test_one_seed_is_said() -> None:
    found = asked(found=Evidence(tuple(make_records()), no_answers))
    assert any("One seed of" in note for note in found.notes)
    assert found.next_experiment is not None
    assert found.next_experiment.num_seeds == 1


def test_no_records_are_refused() -> None:
    with pytest.raises(InputError, match="run the study"):
        asked(found=Evidence((), no_answers))
    with pytest.raises(InputError, match="run the study"):
        asked(found=Evidence((make_record(outcome=OutOfMemory()),), no_answers))


@pytest.fixture(scope="module")
def with_two_limits() -> Recommendation:
    return asked("train_peak_bytes<=2GB", "forgetting<=0.1")


@settings(max_examples=8, deadline=None)
@given(chance=st.randoms(use_true_random=False))
def test_the_order_of_records_does_not_matter(with_two_limits: Recommendation, chance: random.Random) -> None:
    shuffled = list(KNOWN.records)
    chance.shuffle(shuffled)
    found = asked("train_peak_bytes<=2GB", "forgetting<=0.1", found=Evidence(tuple(shuffled), KNOWN.answers))
    assert found == with_two_limits


MADE_UP = Evidence(tuple(make_records()), no_answers)
METRIC_VALUES = {
    name: sorted({record.metrics[name] for record in make_records() if name in record.metrics})
    for name in ("accuracy", "train_peak_bytes", "step_seconds", "checkpoint_bytes", "forgetting")
}


@st.composite
def two_limits(draw: st.DrawFn) -> tuple[Limit, Limit]:
    """Return a limit and a tighter or equal one on the same metric."""
    metric = draw(st.sampled_from(sorted(METRIC_VALUES)))
    values = st.one_of(st.sampled_from(METRIC_VALUES[metric]), st.floats(0, 3 * METRIC_VALUES[metric][-1]))
    low, high = sorted((draw(values), draw(values)))
    if draw(st.booleans()):
        return Limit(metric=metric, bound="at most", value=high), Limit(metric=metric, bound="at most", value=low)
    return Limit(metric=metric, bound="at least", value=low), Limit(metric=metric, bound="at least", value=high)


@settings(max_examples=30, deadline=None)
@given(st.lists(two_limits(), min_size=1, max_size=3))
def test_tightening_never_admits_a_method(limits: list[tuple[Limit, Limit]]) -> None:
    loose = recommend_from(MADE_UP, limits=[pair[0] for pair in limits])
    tight = recommend_from(MADE_UP, limits=[pair[1] for pair in limits])
    assert set(tight.admissible) <= set(loose.admissible)
    for found in (loose, tight):
        judged = {*found.admissible, *(one.name for one in found.ruled_out)}
        assert judged == {*FIGURES, "boft"}
        for name in found.admissible:
            metrics = make_record(name).metrics
            assert all(limit.meets(metrics[limit.metric]) for limit in found.limits)


def test_untuned_methods_are_tuned_first_and_no_claim_is_made() -> None:
    found = asked("train_peak_bytes<=2GB")
    assert found.next_experiment is not None
    assert not found.next_experiment.tuned
    assert "Next: tune the learning rates" in experiment_text(found.next_experiment)
    tuned = found.next_experiment.model_copy(update={"tuned": True})
    told = experiment_text(tuned)
    assert told.startswith("Next: choose from the short list by cost. More questions alone or more seeds ")
    assert "would not separate dora, the best as measured, from lora, the likeliest of the others to be best, " in told
    assert " times as many seeds would, in 4 of 5 repeats, if the true difference is as observed. " in told
    assert told.endswith("A claim would also need 2 more seeds each of dora and lora.")
    assert tuned.seed_seconds is None
    timed = experiment_text(tuned.model_copy(update={"seed_seconds": 222.0}))
    assert timed == f"{told} A trial of dora and one of lora took 3.7 minutes together."
    hopeless = experiment_text(tuned.model_copy(update={"times_both": None}))
    assert "best, not even 100 times as many, nor would both together. A claim would" in hopeless
    some = experiment_text(tuned.model_copy(update={"more_questions": 90, "trained": ("dora",)}))
    assert some.startswith("Next: 2 more seeds of dora, the least for a claim; about 90 more questions ")
    assert " would separate them in 4 of 5 repeats if the true difference is as observed" in some
    assert some.endswith(" Otherwise choose between them by cost.")
    text = " ".join(recommendation_lines(found))
    assert "Behind dora in these runs: ia3." in text
    assert "the learning rates were not tuned with the same budget" in text


def test_what_a_further_seed_takes_is_the_mean_of_the_trials_so_far() -> None:
    spent = {"lora": (10.0, 20.0), "dora": (40.0,)}
    phases = {
        (label, seed): (PhaseReading(phase=Phase.TRAIN, seconds=seconds),)
        for label, times in spent.items()
        for seed, seconds in enumerate(times)
    }
    found = evidence({label: scattered(60)[: len(times)] for label, times in spent.items()})
    timed = [one.model_copy(update={"phases": phases[one.trial.method.label, one.trial.seed]}) for one in found.records]
    experiment = recommend_from(found._replace(records=tuple(timed))).next_experiment
    assert experiment is not None
    assert experiment.seed_seconds == 15 + 40
