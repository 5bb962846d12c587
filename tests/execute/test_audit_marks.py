"""What a method's audit found decides how it is asked, and goes into the record."""

from pathlib import Path
from typing import Any

import pytest

from paretune.engine import answer
from paretune.spec import Record
from tests.methods.real_path import run_one, small_study

pytestmark = pytest.mark.filterwarnings("ignore")


def run(method: Any, folder: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Record, set[int]]:
    """Return a trial's record and the sizes of the batches in which questions were put."""
    sizes: set[int] = set()

    def watched(*arguments: Any, **options: Any) -> list[str]:
        sizes.add(options["batch_size"])
        return answer(*arguments, **options)

    monkeypatch.setattr("paretune.kinds.language.answer", watched)
    _, record = run_one(small_study(folder, method, answer_batch_size=4, memory_answer_batch_size=4), folder / "out")
    assert record.outcome.kind == "ok"
    return record, sizes


@pytest.mark.parametrize(
    ("method", "claim", "generator"),
    [
        ("lily", "batch_invariant", "transformers"),
        ("prompt-tuning", "padding_invariant", "transformers"),
        ("prefix-tuning", None, "transformers"),
        ("lora", None, "pooled"),
    ],
)
def test_who_fails_its_audit_is_asked_alone(
    method: str, claim: str | None, generator: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    record, sizes = run(method, tmp_path, monkeypatch)
    assert record.audit is not None
    assert record.audit.audit is not None
    assert record.audit.answered_alone == (claim is not None)
    assert sizes == ({1} if claim else {4}) == {record.answer_batch_size}
    assert claim in record.audit.failed if claim else "batch_invariant" not in record.audit.failed
    assert record.generator == generator
    assert Record.model_validate_json(record.model_dump_json()) == record


def test_what_is_unaudited_is_asked_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    both = {"name": "lora", "label": "both", "parameters": {"use_rslora": True, "use_dora": True}}
    record, sizes = run(both, tmp_path, monkeypatch)
    assert record.audit is not None
    assert record.audit.audit is None
    assert sizes == {1}


def test_records_from_before_there_were_audits_are_still_read() -> None:
    from tests.records import make_record

    value = make_record().model_dump(mode="json")
    assert "audit" not in value
    assert Record.read(value, "an old record").audit is None
