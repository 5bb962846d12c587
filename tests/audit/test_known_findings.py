"""What is known to be wrong with methods of peft is found by the checks, which are told no names."""

import pytest
import torch

from paretune.audit.method import audit_method
from paretune.kinds.probe import Subject
from paretune.methods import resolve
from paretune.methods.variants import VARIANTS
from paretune.spec import MethodAudit, MethodEntry, NotApplicable

pytestmark = pytest.mark.filterwarnings("ignore")


def audited(entry: MethodEntry, subject: Subject) -> MethodAudit:
    return audit_method(resolve(entry), [subject])


def test_lora_passes_everything(subject: Subject) -> None:
    audit = audited(MethodEntry(name="lora"), subject)
    assert audit.failed() == {}
    assert {finding.verdict.kind for finding in audit.findings} == {"pass"}


def test_lily_depends_on_its_batch_and_on_later_tokens(subject: Subject) -> None:
    failed = audited(MethodEntry(name="lily"), subject).failed()
    assert {"batch_invariant", "padding_invariant", "causal"} <= failed.keys()


@pytest.mark.parametrize("name", ["prompt-tuning", "p-tuning", "cpt"])
def test_prompt_methods_depend_on_padding(name: str, subject: Subject) -> None:
    audit = audited(MethodEntry(name=name), subject)
    verdict = audit.verdict("padding_invariant")
    assert verdict is not None
    assert verdict.kind == "fail"
    assert verdict.figure is not None
    assert verdict.figure > 0.1
    assert "padding on the left" in verdict.finding
    batch = audit.verdict("batch_invariant")
    assert batch is not None
    assert batch.kind == "pass"


def test_ln_tuning_does_not_move_in_bf16(subject: Subject) -> None:
    audit = audited(MethodEntry(name="ln-tuning"), subject)
    verdict = audit.verdict("trains_in_bf16")
    assert verdict is not None
    assert verdict.kind == "fail"
    assert verdict.figure == 0.0
    assert "bfloat16" in verdict.finding
    assert "all_parameters_move" not in audit.failed()


def test_lora_fa_s_saving_is_lost_once_it_was_off(subject: Subject) -> None:
    audit = audited(MethodEntry(name="lora-fa"), subject)
    finding = audit.failed()["switch_restores"]
    assert "lora_A" in finding
    assert "8,192 parameters are trainable before and 16,384 after" in finding


def test_layer_replication_merges_wrongly(subject: Subject) -> None:
    (variant,) = (variant for variant in VARIANTS if "layer_replication" in variant.parameters)
    failed = audited(MethodEntry(name=variant.method, parameters=variant.parameters), subject).failed()
    assert "merged, outputs are" in failed["mergeable"]
    assert "layer_replication would be ignored" in failed["servable_by_vllm"]


def test_xlora_does_not_reload_as_peft_saves_it(subject: Subject) -> None:
    audit = audited(MethodEntry(name="xlora"), subject)
    assert "reloads_with_peft" in audit.failed()
    assert "reloads" not in audit.failed()


def test_what_cannot_run_here_is_not_judged(subject: Subject) -> None:
    if torch.cuda.is_available():
        pytest.skip("there is a GPU, so it can run here")
    (finding,) = audited(MethodEntry(name="boft", parameters={"boft_n_butterfly_factor": 2}), subject).findings
    assert isinstance(finding.verdict, NotApplicable)
    assert "needs a GPU" in finding.verdict.reason


def test_a_method_that_cannot_be_built_leaves_one_finding(subject: Subject) -> None:
    audit = audited(MethodEntry(name="lora", parameters={"target_modules": ["nowhere"]}), subject)
    (finding,) = audit.findings
    assert finding.claim == "attaches"
    assert finding.verdict.kind == "fail"
    assert "nowhere" in finding.verdict.finding
