"""A row whose method fails its audit is marked wherever results are shown."""

import json

import pytest

from paretune.report import results_json
from paretune.report.audit_marks import AUDIT_MARK, check_name
from paretune.report.decisions import capability_text
from paretune.report.html.page import render_page
from paretune.spec import CLAIMS, AuditMarks, Recipe, Record
from tests.records import make_record, make_study
from tests.report.test_results import printed

AUDIT = "audit 1 of 2026-01-01 with peft 0.21.2"
LILY = AuditMarks(
    audit=AUDIT,
    failed={"batch_invariant": "outputs move by 0.02", "servable_by_vllm": "LoRA adapters only, not LILY"},
    answered_alone=True,
)
ALONE = "It was evaluated with batch size 1."
NOTE = f"† lily: An answer depends on other items in the batch (outputs move by 0.02). {ALONE}"


@pytest.fixture
def records() -> list[Record]:
    fine = AuditMarks(audit=AUDIT, failed={"mergeable": "it refuses"})
    return [
        make_record("base"),
        make_record("lora", audit=fine),
        make_record("lily", audit=LILY),
        make_record("mine", audit=AuditMarks(audit=None, answered_alone=True)),
        make_record("oft"),
    ]


def test_the_table_marks_the_row_and_says_what_it_means(records: list[Record]) -> None:
    lines = printed(records, width=200).splitlines()
    marked = [line.split()[0] for line in lines if "†" in line and "%" in line]
    assert marked == ["lily"]
    assert NOTE in lines
    assert "Unaudited, and therefore evaluated with batch size 1: mine." in lines


def test_the_page_says_what_a_failed_check_means(records: list[Record]) -> None:
    page = render_page(records, make_study(methods=["base", "lora", "lily", "mine", "oft"]))
    for name, claim in (("batch invariant", "batch_invariant"), ("servable by vLLM", "servable_by_vllm")):
        assert f"<dt>{name} <small>check of the audit</small></dt><dd>{CLAIMS[claim].statement}</dd>" in page
    assert "<dt>reloads <small>" not in page
    assert f"affects the values, the row is marked {AUDIT_MARK}." in page


def test_json_carries_what_failed(records: list[Record]) -> None:
    value = json.loads(json.dumps(results_json(records)))
    rows = {row["method"]: row for row in value["rows"]}
    assert rows["lily"]["audit"]["failed"].keys() == {"batch_invariant", "servable_by_vllm"}
    assert rows["lily"]["audit_warnings"] == ["An answer depends on other items in the batch (outputs move by 0.02)."]
    assert rows["lora"]["audit_warnings"] == []
    assert rows["oft"]["audit"] is None
    assert rows["mine"]["audit"]["audit"] is None
    assert NOTE in value["notes"]


def test_rows_show_the_batch_size_that_their_answers_were_generated_with(records: list[Record]) -> None:
    sizes = {row["method"]: row["answer_batch_size"] for row in results_json(records)["rows"]}
    assert sizes == {"base": 32, "lora": 32, "lily": 1, "mine": 1, "oft": 32}
    assert "Answer" in printed(records, width=200)
    page = render_page(records, make_study(methods=["base", "lora", "lily", "mine", "oft"]))
    assert "Answer batch" in page
    same = [record for record in records if record.trial.method.label in {"base", "lora", "oft"}]
    assert "Answer" not in printed(same, width=200)


def test_a_note_says_so_where_rounding_makes_answers_depend_on_it(records: list[Record]) -> None:
    said = "evaluated with different batch sizes"
    assert not any(said in note for note in results_json(records)["notes"])
    in_bf16 = [
        make_record(record.trial.method.label, audit=record.audit, recipe=Recipe(dtype="bfloat16"))
        for record in records
    ]
    assert any(said in note for note in results_json(in_bf16)["notes"])
    assert not any(said in note for note in results_json(in_bf16[:2])["notes"])


def test_the_page_marks_the_row(records: list[Record]) -> None:
    page = render_page(records, make_study(methods=["base", "lora", "lily", "mine", "oft"]))
    assert page.count('class="audit-mark"') == 1
    assert 'title="An answer depends on other items in the batch (outputs move by 0.02)."' in page
    assert NOTE in page
    assert "batch invariant, servable by vLLM" in page


def test_nothing_is_said_where_nothing_was_found() -> None:
    assert "†" not in printed([make_record("oft"), make_record("lora", audit=AuditMarks(audit=AUDIT))])


def test_names_of_servers_are_written_as_they_write_them() -> None:
    assert check_name("servable_by_llama_cpp") == capability_text("servable_by_llama_cpp") == "servable by llama.cpp"
    assert check_name("servable_by_vllm") == capability_text("servable_by_vllm") == "servable by vLLM"
