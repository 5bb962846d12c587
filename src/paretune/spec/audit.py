"""What an audit says about a method: claims, each tried by a check that leaves a value."""

from typing import Annotated, Any, Literal, NamedTuple

from pydantic import Field, field_validator

from paretune.spec.base import Data, later
from paretune.spec.errors import InputError, nearest
from paretune.spec.kinds import CAUSAL_LM, ModelKind
from paretune.spec.method import MethodSpec

AUDIT_VERSION = 1
"""Rises whenever a check measures something else, so that findings of two versions are not mixed up."""


class Claim(NamedTuple):
    """Something that a user takes for granted, or would like to know, about a method."""

    name: str
    label: str
    """The heading of its column; a line break stands where a narrow column may break it."""
    statement: str
    """What is true of a method that passes."""
    how: str
    """How the check goes about it, and when it fails."""
    warning: str | None = None
    """What a reader of results must know where it fails; None where values do not suffer from it."""
    shows_value: bool = False
    """Whether its value is shown where it holds as well."""


CLAIMS: dict[str, Claim] = {
    claim.name: claim
    for claim in (
        Claim(
            "attaches", "At-\ntaches", "It can be attached to a model of this kind.",
            "Attach it with its preset's parameters; an error is a failure.",
        ),
        Claim(
            "trains", "Trains", "Training lowers the loss.",
            "Loss on one fixed batch before and after a dozen steps at the default learning rate, or at a smaller one.",
            "Training did not lower its loss.",
        ),
        Claim(
            "all_parameters_move", "All\nmove", "Every trainable tensor changes while it trains.",
            "Compare every value with its start after every step, on a float32 base.",
            "Some of its trainable parameters did not move.",
        ),
        Claim(
            "trains_in_bf16", "bf16\n1e-4", "It can be trained in bfloat16 at a small learning rate.",
            "The same on a bfloat16 base, trainable parameters in the base's dtype, at a learning rate of 1e-4.",
            "Kept in bfloat16, some of its parameters do not move at small learning rates.",
        ),
        Claim(
            "no_op_at_start", "No-op\nat start", "Attached and untrained, it does not change the base model's outputs.",
            "Largest change of an output against the base model.",
        ),
        Claim(
            "exact_off", "Exact\noff", "Switched off, the base model's outputs come back bit for bit.",
            "Largest change of an output against the base model with the trained adapter disabled.",
        ),
        Claim(
            "switch_restores", "Off\nand on", "Switching it off and on again changes nothing.",
            "Outputs, and which parameters are trainable, before and after.",
        ),
        Claim(
            "reloads", "Re-\nloads", "Saved and loaded onto a fresh base model, it gives the same outputs.",
            "Largest change of an output against the model that was trained.",
            "What was saved does not reload to what was trained.",
        ),
        Claim(
            "reloads_with_peft", "peft re-\nloads", "Saved and loaded by peft alone, it gives the same outputs.",
            "The same without what Paretune adds when it saves and loads this method.",
        ),
        Claim(
            "mergeable", "Merges", "Merged into the base model's weights, it gives the same outputs.",
            "Largest change of an output against the adapter.",
        ),
        Claim(
            "merges_in_bf16", "Merges\nbf16",
            "Merged into a base model in bfloat16, it moves the outputs about as far as bfloat16 rounds them.",
            "Loaded onto a bfloat16 base and merged: largest change of a logit; fails where that is over four times as "
            "far as a batch moves the base model's, or as bfloat16 rounds.",
            shows_value=True,
        ),
        Claim(
            "batch_invariant", "Batch", "An answer does not depend on other items in the batch.",
            "Outputs and greedy answers of one sample alone and in a batch with two others of the same length.",
            "An answer depends on other items in the batch.",
        ),
        Claim(
            "batch_as_base_in_bf16", "Batch\nbf16",
            "In bfloat16, a batch moves its outputs about as far as it moves those of the base model.",
            "Logits of one sample alone and in padded batches, while generating as well, the adapter loaded onto a "
            "bfloat16 base; fails where they move over four times as far as the base model's, or as bfloat16 rounds.",
            "In bfloat16, an answer depends on its batch clearly more than the base model's does.",
            shows_value=True,
        ),
        Claim(
            "padding_invariant", "Pad-\nding", "An answer does not depend on padding.",
            "Outputs and greedy answers of one sample as it is and padded.",
            "An answer depends on padding.",
        ),
        Claim(
            "causal", "Causal", "No output depends on later tokens.",
            "Change the last token and look at the outputs before it.",
            "Outputs depend on later tokens.",
        ),
        Claim(
            "generation_agrees", "Gen-\nerates", "While generating, it computes what it computes in training.",
            "Logits of a greedy answer as `generate` sees them, with its cache, against forward passes over the text.",
            "While generating, it does not compute what it was trained to.",
        ),
        Claim(
            "checkpointing_keeps_gradients", "Grad.\nckpt.", "Gradient checkpointing leaves the gradients as they are.",
            "Gradients of one batch with and without.",
        ),
        Claim(
            "compact", "Com-\npact",
            "A checkpoint holds nothing that could be regenerated; one that does is only larger than it must be.",
            "Bytes of tensors that training did not change, or that the file holds twice.",
        ),
        Claim(
            "convertible_to_lora", "To\nLoRA", "It can be converted to a LoRA of rank 16 with the same outputs.",
            "peft's convert_to_lora; share of its change of the outputs that is lost.",
        ),
        Claim(
            "servable_by_vllm", "vLLM", "vLLM can serve the checkpoint on top of the base model.",
            "The rules for LoRA adapters in the code of vLLM 0.33.0, read against the saved files; vLLM 0.32.0 was "
            "given an adapter of every method.",
        ),
        Claim(
            "servable_by_transformers", "HF\nserve",
            "transformers serve can serve the checkpoint, in one folder with the base model.",
            "transformers alone loads base model and adapter from one folder; outputs before and after.",
        ),
        Claim(
            "servable_by_llama_cpp", "llama\n.cpp", "llama.cpp can serve the checkpoint on top of the base model.",
            "Whether it can be written as a GGUF adapter; those that were tried are loaded by llama.cpp b11549.",
        ),
        Claim(
            "trains_on_nf4", "On\nNF4",
            "It trains on a base model in NF4, and what it saves gives the same outputs again.",
            "The base's linear layers in NF4 with double quantisation, the rest in float32; loss before and after, "
            "outputs saved and loaded again, and how far they move when merged into the quantised weights. Then the "
            "loss with the rest in bfloat16.",
            "On a base in 4 bits it did not train, or did not reload.",
            shows_value=True,
        ),
        Claim(
            "trains_on_int8", "On\nint8",
            "It trains on a base model in int8, and what it saves gives the same outputs again.",
            "The same with LLM.int8().",
            "On a base in int8 it did not train, or did not reload.",
            shows_value=True,
        ),
        Claim(
            "trains_on_int8_torchao", "On int8\ntorchao",
            "It trains on a base model in int8 by torchao, and what it saves gives the same outputs again.",
            "The same with int8 weights of torchao.",
            "On a base in int8 by torchao it did not train, or did not reload.",
            shows_value=True,
        ),
    )
}  # fmt: skip


class Passed(Data):
    """The claim holds."""

    kind: Literal["pass"] = "pass"
    figure: float | None = None
    """What was measured, in the unit that the finding says."""
    finding: str = ""


class NotPassed(Data):
    """The claim does not hold, or its check ended in an error."""

    kind: Literal["fail"] = "fail"
    figure: float | None = None
    finding: str
    error_type: str | None = None
    """The error's class, where one ended the check."""


class NotApplicable(Data):
    """The claim makes no sense for this method, or the method refuses what it is about."""

    kind: Literal["not_applicable"] = "not_applicable"
    reason: str


Verdict = Annotated[Passed | NotPassed | NotApplicable, Field(discriminator="kind")]


class Finding(Data):
    """One claim about a method on one kind of model, tried."""

    claim: str
    model_kind: ModelKind
    verdict: Verdict

    @field_validator("claim")
    @classmethod
    def _is_known(cls, value: str) -> str:
        if value not in CLAIMS:
            raise ValueError(f'unknown claim "{value}"{nearest(value, CLAIMS)}')
        return value


class MethodAudit(Data):
    """What was found out about one method. A claim that is absent was not reached."""

    method: MethodSpec
    """The method with the parameters that it was audited with."""
    findings: tuple[Finding, ...]
    tied_embeddings: bool = later(False)
    """Whether the language model that it was tried on ties its input and output embeddings."""

    @property
    def label(self) -> str:
        """The method's label, and what sets the base model apart."""
        return f"{self.method.label}, tied embeddings" if self.tied_embeddings else self.method.label

    def verdict(self, claim: str, model_kind: ModelKind = CAUSAL_LM) -> Passed | NotPassed | NotApplicable | None:
        """Return what was found about a claim, or None where the audit did not reach it."""
        for finding in self.findings:
            if (finding.claim, finding.model_kind) == (claim, model_kind):
                return finding.verdict
        return None

    def failed(self, model_kind: ModelKind = CAUSAL_LM) -> dict[str, str]:
        """Return the claims that do not hold on a kind of model, each with its finding."""
        return {
            finding.claim: finding.verdict.finding
            for finding in self.findings
            if finding.model_kind == model_kind and finding.verdict.kind == "fail"
        }


class Audit(Data):
    """Many methods, audited with the same packages."""

    version: int = AUDIT_VERSION
    made_on: str
    """ISO date."""
    packages: dict[str, str]
    base_models: dict[ModelKind, str]
    """The base model of each kind."""
    defaults: dict[str, dict[str, Any]] = later({})
    """The library's defaults that switch something on or choose a kind, by peft type."""
    methods: tuple[MethodAudit, ...]

    @property
    def name(self) -> str:
        """A few words that tell this audit from others."""
        return f"audit {self.version} of {self.made_on} with peft {self.packages.get('peft', 'unknown')}"


class AuditMarks(Data):
    """What a record keeps of its method's audit."""

    audit: str | None
    """Which audit, in words; None where the method had none."""
    failed: dict[str, str] = {}
    """Claims that do not hold on the record's kind of model, each with its finding."""
    answered_alone: bool = False
    """Whether it was evaluated with batch size 1: answers depend on other items in the batch, or that is unknown."""

    @property
    def warnings(self) -> dict[str, str]:
        """The failed claims on which values rest: each one's sentence for readers, with the finding."""
        return {
            claim: f"{known.warning.rstrip('.')} ({self.failed[claim]})."
            for claim, known in CLAIMS.items()
            if claim in self.failed and known.warning
        }


def read_audit(value: Any, where: str) -> Audit:
    """Return the audit in parsed JSON. Raises `InputError`, opening with `where`, when it is none or a newer one."""
    if isinstance(value, dict) and isinstance(value.get("version"), int) and value["version"] > AUDIT_VERSION:
        raise InputError(
            f"{where}: made by a newer Paretune (audit {value['version']}, this one reads {AUDIT_VERSION})"
        )
    return Audit.read(value, where)
