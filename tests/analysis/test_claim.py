"""Verdicts on claims, and the protocol's checklist, on records whose right verdict is known."""

from collections.abc import Mapping
from itertools import permutations
from typing import Any

import pytest

from paretune.analysis import Evidence
from paretune.analysis.decisions.checklist import support_notes
from paretune.analysis.decisions.claim import Claim, Judgement, judge_claim, parse_claim
from paretune.analysis.decisions.compare import compare_in
from paretune.analysis.decisions.requirements import Capabilities
from paretune.analysis.table.rows import rows_of
from paretune.spec import InputError, OutOfMemory, Recipe, Record
from tests.analysis.test_comparison import GPU, right
from tests.records import make_record
from tests.studies import evidence

AUDITED: Capabilities = {"lora": {"audited": True}, "oft": {"audited": True}, "dora": {"audited": True}}
ANSWERS = {
    "lora": right(100, 101, 99, 100, 102),
    "oft": right(140, 142, 138, 139, 141),
    "dora": right(100, 102, 99, 101, 100),
}


def tuning(label: str, rates: int = 5) -> list[Record]:
    """Return the validation trials in which a method's rate was chosen."""
    return [make_record(label, split="validation", learning_rate=10.0**-number) for number in range(2, 2 + rates)]


def study(answers: Mapping[str, Any] = ANSWERS, *, extra: list[Record] | None = None, **changes: Any) -> Evidence:
    found = evidence(answers, **changes)
    tuned = [*tuning("lora"), *tuning("oft"), *tuning("dora")] if extra is None else extra
    return Evidence((*found.records, *tuned), found.answers)


def failed(found: Judgement) -> set[str]:
    return {check.point for check in found.checks if check.passed is not True}


def test_a_claim_that_the_figures_and_the_protocol_bear_out_is_supported() -> None:
    found = judge_claim(study(), "oft beats lora", known=AUDITED)
    assert found.verdict == "supported"
    assert failed(found) == set()
    assert found.p_value < 0.001
    assert "+19.8 points" in found.reason


@pytest.mark.parametrize(
    ("point", "changed"),
    [
        ("tuning", study(extra=[])),
        ("tuning", study(extra=[*tuning("lora", 3), *tuning("oft", 5)])),
        ("seeds", study({name: by_seed[:3] for name, by_seed in ANSWERS.items()})),
        ("test set", study(extra=[*study().records[15:], make_record("oft", learning_rate=0.5, seed=9)])),
        ("test set", study(oft={"attempt": 2})),
        ("environment", study(oft={"provenance": GPU})),
        ("environment", study(oft={"recipe": Recipe(steps=60)})),
    ],
)
def test_without_the_protocol_good_figures_support_nothing(point: str, changed: Evidence) -> None:
    name = "oft@0.002" if any(record.trial.learning_rate == 0.5 for record in changed.records) else "oft"
    found = judge_claim(changed, f"{name} beats lora", known=AUDITED)
    assert found.verdict == "undecided"
    assert failed(found) == {point}
    assert "the protocol is not met" in found.reason


def test_an_audit_that_failed_or_is_not_known_stands_in_the_way() -> None:
    for verdict in (False, None):
        found = judge_claim(study(), "oft beats lora", known={**AUDITED, "oft": {"audited": verdict}})
        assert (found.verdict, failed(found)) == ("undecided", {"audit"})
        assert next(check.passed for check in found.checks if check.point == "audit") is verdict
    assert failed(judge_claim(study(), "oft beats lora")) == {"audit"}


def test_a_claim_whose_opposite_is_shown_is_refuted_where_compare_makes_a_claim_too() -> None:
    found = judge_claim(study(), "lora beats oft", known=AUDITED)
    assert found.verdict == "refuted"
    assert found.comparison.verdict == "worse"
    assert "it is behind" in found.reason
    untuned = judge_claim(study(extra=[]), "lora beats oft", known=AUDITED)
    assert untuned.verdict == "undecided"
    assert untuned.comparison.verdict == "behind"
    assert "in these runs it is behind, but the protocol is not met (tuning)" in untuned.reason


def test_the_checklist_says_of_what_trains_no_base_model_that_a_point_does_not_apply() -> None:
    found = judge_claim(study(ANSWERS | {"base": right(10)}), "lora beats base", known=AUDITED)
    findings = {check.point: check.finding for check in found.checks}
    assert findings["tuning"].endswith("5 of lora (base: does not apply, trains no base model)")
    assert findings["seeds"] == "5 of lora (base: does not apply, trains no base model); a claim needs 5"


def test_what_cannot_be_told_is_undecided() -> None:
    found = judge_claim(study(), "dora beats lora", known=AUDITED)
    assert found.verdict == "undecided"
    assert found.reason.startswith("No significant difference: dora equals lora. This pair alone: 95% interval ")
    within = judge_claim(study(), "dora matches lora within 0.1 points", known=AUDITED)
    assert within.verdict == "undecided"
    assert " for this pair alone: dora may still be up to " in within.reason
    assert within.reason.endswith("; the margin is 0.1 points.")
    by = judge_claim(study(), "dora beats lora by 0.1 points", known=AUDITED)
    assert by.verdict == "undecided"
    assert ": not shown that it is ahead by more than 0.1 points (corrected for " in by.reason


def test_margins_belong_to_the_claim() -> None:
    def verdict(text: str) -> str:
        return judge_claim(study(), text, known=AUDITED).verdict

    assert verdict("oft beats lora by 5 points") == "supported"
    assert verdict("oft beats lora by 20 points") == "undecided"
    assert verdict("oft beats lora by 50 points") == "refuted"
    assert verdict("dora matches lora within 5 points") == "supported"
    assert verdict("dora matches lora within 0.1 points") == "undecided"
    assert verdict("lora matches oft within 5 points") == "refuted"
    assert verdict("oft matches lora within 1 point") == "supported"


def test_as_good_at_half_the_cost_needs_both() -> None:
    cheap = study(dora={"metrics": make_record().metrics | {"train_peak_bytes": 0.6e9}})

    def judged(text: str) -> Judgement:
        return judge_claim(cheap, text, known=AUDITED)

    assert judged("dora matches lora within 5 points at half the memory").verdict == "supported"
    assert judged("dora matches lora within 5 points at 49% of the memory").verdict == "refuted"
    assert judged("dora matches lora within 0.1 points at half the memory").verdict == "undecided"
    assert (
        "dora needs 50% of the training memory"
        in judged("dora matches lora within 5 points at half the memory").checks[-1].finding
    )
    assert judged("dora matches lora within 5 points at half the answer_peak_bytes").verdict == "undecided"
    with pytest.raises(InputError, match="no metric"):
        judged("dora matches lora within 5 points at half the price")
    with pytest.raises(InputError, match="more is better, so it is no cost"):
        judged("dora matches lora within 5 points at half the answers_per_second")


def test_sentences_are_read_as_they_are_written() -> None:
    assert parse_claim("LoRA r=64 BEATS lora@0.001 by 1.5 points") == Claim("LoRA r=64", "lora@0.001", "beats", 0.015)
    assert parse_claim(" a matches b within 1 point ") == Claim("a", "b", "matches", 0.01)
    shown = parse_claim("a matches b within 1 point at half the training memory")
    assert shown == parse_claim("a matches b within 1 point at half the memory")
    assert (shown.cost, shown.cost_share) == ("train_peak_bytes", 0.5)
    assert parse_claim("a beats b at 90% of the Step time").cost == "step_seconds"
    assert parse_claim("a > b") == parse_claim("a is better than b") == Claim("a", "b", "beats", 0.0)
    for text in ("a is nicer than b", "beats b", "a matches b", ""):
        with pytest.raises(InputError, match=r"beats|within"):
            parse_claim(text)
    with pytest.raises(InputError, match="no method"):
        judge_claim(study(), "oft beats nothing")


def test_compare_says_better_just_where_the_claim_is_supported() -> None:
    for found, verdict in ((study(), "better"), (study(extra=[]), "ahead")):
        compared = compare_in(found, "oft", "lora", known=AUDITED)
        judged = judge_claim(found, "oft beats lora", known=AUDITED)
        assert compared.verdict == verdict
        assert (judged.verdict == "supported") == (verdict == "better")


def note(found: Evidence, known: Capabilities = AUDITED) -> str:
    rows = rows_of([record for record in found.records if not record.trial.tunes], found.records)
    return " ".join(support_notes(rows, known))


def test_the_table_s_note_obeys_the_rules_of_a_claim() -> None:
    assert note(study()) == ""
    assert note(study(extra=[])) == (
        "These results describe these runs and support no claim that one fine-tuning method is better than another: "
        "the learning rates were not tuned with the same budget."
    )
    few = note(study({name: by_seed[:3] for name, by_seed in ANSWERS.items()}, extra=[]), {})
    assert few.endswith(
        "not tuned with the same budget, there are fewer than 5 seeds (the minimum) and not every method has passed an "
        "audit."
    )
    one_out = note(study(oft={"attempt": 2}))
    assert one_out.startswith("Not every difference supports a claim")
    assert "the test set was not used just once" in one_out
    assert note(Evidence((make_record("base"), make_record(outcome=OutOfMemory())), study().answers)) == ""


def test_where_the_note_says_no_claim_no_pair_has_one() -> None:
    for found, known in ((study(extra=[]), AUDITED), (study(oft={"attempt": 2}), AUDITED), (study(), {})):
        verdicts = {
            compare_in(found, first, second, known=known).verdict
            for first, second in permutations(("lora", "oft", "dora"), 2)
        }
        if note(found, known).startswith("These results"):
            assert not verdicts & {"better", "worse"}
