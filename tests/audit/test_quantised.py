"""Methods on a quantised base: what trains and comes back passes, what does not is found."""

from pathlib import Path
from typing import get_args

import pytest

from paretune.audit.method import ON_QUANTISED, audit_method
from paretune.audit.quantised import quantised_subject, trains_on_quantised
from paretune.kinds.probe import Subject
from paretune.methods import resolve
from paretune.methods.capabilities import recorded_audit
from paretune.models.quantisation import is_quantised
from paretune.spec import MethodEntry, NotPassed, Passed
from paretune.spec.audit import Verdict
from paretune.spec.quantisation import Quantisation, QuantisedFormat

pytestmark = pytest.mark.filterwarnings("ignore")

CLAIMS = frozenset(ON_QUANTISED)


@pytest.fixture(autouse=True)
def _bitsandbytes() -> None:
    pytest.importorskip("bitsandbytes")
    pytest.importorskip("torchao")


def found(name: str, form: QuantisedFormat, subject: Subject) -> Verdict | None:
    claim = next(claim for claim, known in ON_QUANTISED.items() if known == form)
    audit = audit_method(resolve(MethodEntry(name=name)), [subject], frozenset({claim}))
    assert {finding.claim for finding in audit.findings} == {claim}
    return audit.verdict(claim)


@pytest.mark.parametrize("form", get_args(QuantisedFormat))
def test_a_subject_is_quantised_anew_at_every_call(form: QuantisedFormat, subject: Subject) -> None:
    quantised = quantised_subject(subject, Quantisation(form))
    first, second = (quantised.fresh().model for _ in range(2))
    assert is_quantised(first)
    assert first is not second


@pytest.mark.parametrize(
    ("name", "form"),
    [
        ("lora", "nf4"),
        ("dora", "int8"),
        ("road", "nf4"),
        ("prompt-tuning", "nf4"),
        ("lora", "int8-torchao"),
        ("dora", "int8-torchao"),
    ],
)
def test_what_trains_and_comes_back_passes(name: str, form: QuantisedFormat, subject: Subject) -> None:
    verdict = found(name, form, subject)
    assert isinstance(verdict, Passed)
    assert verdict.figure is not None
    assert verdict.figure > 0
    assert ("merged into the quantised weights, outputs move by" in verdict.finding) == (name != "prompt-tuning")


def test_what_reads_the_packed_weight_fails_on_it(subject: Subject) -> None:
    verdict = found("loha", "nf4", subject)
    assert isinstance(verdict, NotPassed)
    assert verdict.error_type == "RuntimeError"


def test_what_mixes_dtypes_where_the_base_is_in_bfloat16_fails(
    subject: Subject, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("paretune.methods.peft.keep_dtype_of_activations", lambda _: None)
    verdict = found("ia3", "nf4", subject)
    assert isinstance(verdict, NotPassed)
    assert "to have the same dtype" in verdict.finding


def test_what_changes_the_base_at_its_start_does_not_come_back(subject: Subject, tmp_path: Path) -> None:
    verdict = trains_on_quantised(resolve(MethodEntry(name="olora")), subject, "nf4", (1e-4,), tmp_path / "saved")
    assert isinstance(verdict, NotPassed)
    assert "loaded again, outputs are" in verdict.finding


def test_every_method_that_was_tried_has_all_verdicts() -> None:
    audit = recorded_audit()
    assert audit is not None
    for method in audit.methods:
        if method.verdict("trains") is not None:
            assert all(method.verdict(claim) is not None for claim in CLAIMS), method.label
