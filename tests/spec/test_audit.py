import json
import math

import pytest

from paretune.spec import (
    AUDIT_VERSION,
    CLAIMS,
    Audit,
    Finding,
    InputError,
    MethodAudit,
    MethodSpec,
    NotApplicable,
    NotPassed,
    Passed,
    read_audit,
)

SPEC = MethodSpec(name="lora", label="lora", implementation="peft", peft_type="LORA")
AUDIT = Audit(
    made_on="2026-01-01",
    packages={"peft": "0.21.2"},
    base_models={"causal-lm": "toy Llama"},
    methods=(
        MethodAudit(
            method=SPEC,
            findings=(
                Finding(claim="trains", model_kind="causal-lm", verdict=Passed(figure=0.5, finding="fell")),
                Finding(claim="causal", model_kind="causal-lm", verdict=NotPassed(figure=math.inf, finding="moved")),
                Finding(claim="causal", model_kind="encoder", verdict=NotApplicable(reason="reads both ways")),
            ),
        ),
    ),
)


def test_an_audit_survives_json() -> None:
    assert read_audit(json.loads(json.dumps(AUDIT.model_dump(mode="json"))), "here") == AUDIT


def test_verdicts_are_found_by_claim_and_kind_of_model() -> None:
    (method,) = AUDIT.methods
    assert isinstance(method.verdict("causal"), NotPassed)
    assert isinstance(method.verdict("causal", "classifier"), NotApplicable)
    assert method.verdict("reloads") is None
    assert method.failed() == {"causal": "moved"}
    assert method.failed("classifier") == {}


def test_what_is_no_audit_is_refused() -> None:
    with pytest.raises(InputError, match=r'unknown claim "casual" \(did you mean "causal"'):
        read_audit(json.loads(json.dumps(AUDIT.model_dump(mode="json")).replace('"causal"', '"casual"')), "here")
    with pytest.raises(InputError, match="here: made by a newer Paretune"):
        read_audit(AUDIT.model_dump(mode="json") | {"version": AUDIT_VERSION + 1}, "here")
    with pytest.raises(InputError, match="here"):
        read_audit([], "here")


def test_a_name_tells_audits_apart() -> None:
    assert AUDIT.name == f"audit {AUDIT_VERSION} of 2026-01-01 with peft 0.21.2"


def test_claims_that_figures_rest_on_carry_a_sentence() -> None:
    warned = {name for name, claim in CLAIMS.items() if claim.warning}
    assert {"trains", "all_parameters_move", "reloads", "batch_invariant", "padding_invariant", "causal"} <= warned
    assert all(claim.statement.endswith(".") for claim in CLAIMS.values())
