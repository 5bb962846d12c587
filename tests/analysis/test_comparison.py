import numpy as np
import pytest

from paretune.analysis import Evidence, no_answers
from paretune.analysis.decisions.claim import judge_claim
from paretune.analysis.decisions.compare import compare_in
from paretune.analysis.decisions.comparison import Comparison
from paretune.analysis.decisions.front import front_of
from paretune.analysis.decisions.recommend import recommend_from
from paretune.analysis.statistics.scores import FloatArray
from paretune.report.decisions import comparison_lines
from paretune.spec import Imported, InputError, OutOfMemory, Recipe
from tests.records import PROVENANCE, make_record, make_records, make_study
from tests.studies import drawn_answers, evidence

PAIR = ("lora", "dora")
GPU = PROVENANCE.model_copy(update={"device": "a GPU"})


def right(*numbers: int, of: int = 200) -> FloatArray:
    """Return answers of shape (seeds, questions): each seed gets the first so many questions right."""
    return np.array([[float(place < number) for place in range(of)] for number in numbers])


def test_a_clear_difference_is_told_with_its_size() -> None:
    found = compare_in(evidence({"lora": right(100, 102, 98), "ia3": right(40, 41, 39)}), "lora", "ia3")
    assert found.verdict == "ahead"
    assert found.difference == pytest.approx(0.3)
    assert found.interval.low < 0.3 < found.interval.high
    assert found.p_value_adjusted == found.p_value < 1e-6
    assert found.sentence.startswith("lora is ahead of ia3 in these runs by 30.0 points (95% interval ")
    assert found.notes == ()
    turned = compare_in(evidence({"lora": right(100, 102, 98), "ia3": right(40, 41, 39)}), "ia3", "lora")
    assert turned.verdict == "behind"
    assert turned.difference == -found.difference


def test_what_cannot_be_told_is_said_with_what_it_would_take() -> None:
    found = compare_in(evidence(drawn_answers({"lora": 0.45, "dora": 0.48})), "dora", "lora")
    assert found.verdict == "undecided"
    assert found.more_questions or found.more_seeds
    assert found.sentence.startswith("No significant difference: dora is ")
    assert "pair alone" not in found.sentence
    assert "more question" in found.sentence or "more seed" in found.sentence
    most = f"{100 * found.within:.1f} points"
    within = f"A true difference of more than {most}, either way, is ruled out (95% confidence)."
    assert found.sentence.endswith(within)
    assert found.within > abs(found.difference)


def test_one_seed_is_mcnemar_s_test_and_says_what_it_leaves_out() -> None:
    found = compare_in(evidence({"lora": right(100), "dora": right(92)}), "lora", "dora")
    assert found.test == "exact McNemar test"
    assert found.p_value == pytest.approx(2 * 0.5**8)
    assert found.seeds_standard_error is None
    assert "One seed of lora and of dora" in found.notes[0]


def test_the_untouched_base_needs_no_second_seed() -> None:
    found = compare_in(evidence({"lora": right(100, 104, 96), "base": right(10)}), "lora", "base")
    assert found.verdict == "ahead"
    assert found.seeds_standard_error is not None
    assert found.notes == ()


def test_many_methods_make_a_claim_harder() -> None:
    answers = {"lora": right(100), "dora": right(92)}
    rng = np.random.default_rng(0)
    crowd = {f"other-{number}": rng.permuted(right(100), axis=1) for number in range(9)}
    few, many = (compare_in(evidence(found), "dora", "lora") for found in (answers, answers | crowd))
    assert (few.verdict, few.num_comparisons) == ("behind", 1)
    assert few.p_value_adjusted == few.p_value
    assert (many.verdict, many.num_comparisons) == ("undecided", 55)
    assert many.p_value == few.p_value
    assert many.p_value_adjusted > 5 * few.p_value
    assert many.sentence.startswith(
        "Not significant after correction: dora is 4.0 points behind lora. This pair alone: "
    )
    alone, corrected = many.p_value, many.p_value_adjusted
    assert (
        f", p = {alone:.3f}. Corrected for all 55 pairs of the 11 rows: p = {corrected:.2f}; a true difference of more "
        "than " in many.sentence
    )
    assert "Quote the corrected p-value if you picked the pair from the results" in many.sentence


def test_the_difference_by_seed_is_what_a_study_of_that_seed_would_have_found() -> None:
    answers = {"lora": right(100, 60, 90), "dora": right(92, 80), "base": right(10)}
    alone = {
        seed: compare_in(evidence({name: values[[seed]] for name, values in answers.items() if name != "base"}), *PAIR)
        for seed in (0, 1)
    }
    found = compare_in(evidence(answers), *PAIR)
    assert [one.seed for one in found.by_seed] == [*alone]
    assert [one.difference for one in found.by_seed] == pytest.approx([one.difference for one in alone.values()])
    assert "Difference by seed: +4.0 (0), -10.0 (1)" in comparison_lines(found)
    assert not any("by seed" in line for line in comparison_lines(alone[0]))
    untrained = compare_in(evidence(answers), "base", "lora")
    assert [one.difference for one in untrained.by_seed] == pytest.approx([-0.45, -0.25, -0.4])


def test_only_what_is_trained_is_asked_for_more_seeds() -> None:
    found = compare_in(evidence({"lora": right(25, 12, 30), "base": right(12)}), "lora", "base")
    assert found.verdict == "undecided"
    assert found.more_seeds
    assert " of lora would give" in found.sentence
    assert " of each" not in found.sentence


def test_without_answers_one_by_one_it_is_an_unpaired_comparison() -> None:
    found = compare_in(Evidence(tuple(make_records()), no_answers), "lora", "dora")
    assert not found.paired
    assert found.verdict == "undecided"
    assert (found.more_questions, found.more_seeds) == (None, None)
    assert any("Per-question answers" in note for note in found.notes)
    assert compare_in(Evidence(tuple(make_records()), no_answers), "lora", "ia3").verdict == "ahead"


def test_the_order_of_records_does_not_matter() -> None:
    whole = evidence(drawn_answers({"lora": 0.45, "dora": 0.48, "oft": 0.4}))
    turned = Evidence(whole.records[::-1], whole.answers)
    assert compare_in(whole, "lora", "oft") == compare_in(turned, "lora", "oft")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"provenance": GPU}, "different device: dora, lora"),
        ({"recipe": Recipe(steps=60)}, "different recipe.steps"),
        ({"base_model": "toy:other"}, "different base model"),
        ({"provenance": None}, "different platform"),
    ],
)
def test_records_of_different_settings_are_compared_only_when_told_to(change: dict[str, object], words: str) -> None:
    answers = {"lora": right(100, 100), "dora": right(50, 50), "oft": right(50, 50)}
    found = evidence(answers, dora=change)
    with pytest.raises(InputError, match=f"{words}.*--across"):
        compare_in(found, "lora", "dora")
    told: Comparison = compare_in(found, "lora", "dora", across=True)
    assert told.verdict == "ahead"
    assert words in " ".join(told.notes)
    assert compare_in(found, "lora", "oft").notes == ()


def test_imported_results_are_compared_whatever_the_versions_as_their_source_does() -> None:
    older = GPU.model_copy(update={"packages": {"torch": "2.0"}})
    whole = evidence({"lora": right(100), "dora": right(92)}, lora={"provenance": GPU}, dora={"provenance": older})
    with pytest.raises(InputError, match="different package versions"):
        compare_in(whole, "lora", "dora")
    marked = [
        record.model_copy(update={"imported": Imported(source="theirs", file="a.json")}) for record in whole.records
    ]
    found = compare_in(Evidence(tuple(marked), whole.answers), "lora", "dora")
    assert not any("different settings" in note for note in found.notes)


def test_many_rows_that_differ_are_not_all_named() -> None:
    records = [make_record(f"oft {number}", base_model=f"toy:{number}") for number in range(9)]
    with pytest.raises(InputError, match="different base model: oft 0, oft 1, oft 2, oft 3, oft 4 and 4 more;"):
        recommend_from(Evidence(tuple(records), no_answers))


def test_names_that_cannot_be_compared_are_refused() -> None:
    out = make_record("boft", outcome=OutOfMemory())
    whole = evidence({"lora": right(100), "dora": right(92)})
    records = Evidence((*whole.records, out, make_record("lora", learning_rate=1e-4, seed=5)), whole.answers)
    for first, second, words in [
        ("lorra", "dora", "did you mean"),
        ("dora", "dora", "with itself"),
        ("boft", "dora", "0 of 1 seeds finished"),
        ("lora", "dora", "several learning rates.*lora@0.002, lora@0.0001"),
    ]:
        with pytest.raises(InputError, match=words):
            compare_in(records, first, second)
    assert compare_in(records, "lora@0.002", "dora").first.name == "lora@0.002"


def test_several_tasks_must_be_told_apart_and_test_goes_before_validation() -> None:
    other = make_record().trial.task.model_copy(update={"name": "sums"})
    two = Evidence((make_record(), make_record("dora"), make_record(task=other)), no_answers)
    with pytest.raises(InputError, match="--task: sums, word_problems"):
        compare_in(two, "lora", "dora")
    assert compare_in(two, "lora", "dora", task="word_problems").task == "word_problems"
    with pytest.raises(InputError, match="no task"):
        compare_in(two, "lora", "dora", task="word")
    both = Evidence(
        (make_record(), make_record("dora"), make_record(split="validation", learning_rate=1.0)), no_answers
    )
    assert compare_in(both, "lora", "dora").split == "test"
    choices = Evidence((make_record(split="validation"), make_record("dora", split="validation")), no_answers)
    assert "validation" in " ".join(compare_in(choices, "lora", "dora").notes)
    with pytest.raises(InputError, match="no trial"):
        compare_in(Evidence((), no_answers), "lora", "dora")


def test_one_untuned_seed_is_ahead_in_these_runs_and_no_claim() -> None:
    found = compare_in(evidence({"oft": right(100), "lora": right(60)}), "oft", "lora")
    assert found.verdict == "ahead"
    assert "better" not in found.sentence
    assert "ahead of lora in these runs by 20.0 points" in found.sentence
    assert "the learning rates were not tuned with the same budget" in found.sentence
    assert found.sentence.endswith("so no claim.")


def test_a_method_s_own_recipe_that_the_study_declares_is_compared_and_named() -> None:
    """LoRA on a 4-bit base next to LoRA on a bfloat16 base: a study may ask for it, so its results may be read."""
    shared = Recipe(dtype="bfloat16")
    own = shared.model_copy(update={"quantisation": "nf4"})
    answers = {"lora": right(100, 100), "qlora": right(50, 50), "oft": right(50, 50)}
    found = evidence(answers, lora={"recipe": shared}, oft={"recipe": shared}, qlora={"recipe": own})
    entries = ["lora", "oft", {"name": "lora", "label": "qlora", "recipe": {"quantisation": "nf4"}}]
    study = make_study(methods=entries, recipe={"dtype": "bfloat16"})
    with pytest.raises(InputError, match=r"different recipe\.quantisation"):
        compare_in(found, "lora", "qlora")
    declared = found._replace(study=study)
    said = compare_in(declared, "lora", "qlora")
    assert said.verdict == "ahead"
    assert "the runs were recorded under different settings" in said.no_claim_because
    assert any("quantisation = nf4 for qlora (shared: none)" in note for note in said.notes)
    assert compare_in(declared, "lora", "oft").notes == ()
    assert any("quantisation = nf4 for qlora" in note for note in recommend_from(declared).notes)
    assert any("quantisation = nf4 for qlora" in note for note in front_of(declared, None).notes)
    claim = judge_claim(declared, "lora beats qlora")
    assert "quantisation = nf4 for qlora" in next(one for one in claim.checks if one.point == "environment").finding
    other = declared._replace(study=make_study(methods=["lora", "oft", "qlora"], recipe={"dtype": "bfloat16"}))
    with pytest.raises(InputError, match=r"different recipe\.quantisation"):
        compare_in(other, "lora", "qlora")
