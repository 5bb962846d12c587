"""What is known of a method from the recorded audit: what it can do, and how it has to be evaluated.

Imports no torch.
"""

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from paretune.methods.embeddings import touched_embeddings
from paretune.spec import (
    CAUSAL_LM,
    Audit,
    AuditMarks,
    Data,
    MethodAudit,
    MethodSpec,
    ModelKind,
    NotApplicable,
    NotPassed,
    Passed,
    Recipe,
    read_audit,
)
from paretune.spec.quantisation import QuantisedFormat

AUDIT_FILE = "recorded_audit.json"
RECORDED_AUDIT = Path(__file__).with_name(AUDIT_FILE)
"""Made by `paretune audit --all --record`."""

PLUGIN_GROUP = "paretune.methods"
"""Entry points of this group name `Method` subclasses. The entry point's name is the method's."""

ON_QUANTISED: dict[QuantisedFormat, str] = {
    "nf4": "trains_on_nf4",
    "fp4": "trains_on_nf4",
    "int8": "trains_on_int8",
    "int8-torchao": "trains_on_int8_torchao",
}
"""The claim that speaks for a format: both of 4 bits are computed in the same way."""
_WHICH_LAYERS = {
    "targets",
    "target_modules",
    "feedforward_modules",
    "exclude_modules",
    "layers_to_transform",
    "layers_pattern",
}
_CHANGES_NO_VERDICT = {*_WHICH_LAYERS, "rank_pattern", "alpha_pattern", "progressbar"}
_PLAIN_PEFT = "peft"


class Capabilities(Data):
    """Which claims hold of a method on a kind of model: see `paretune.spec.CLAIMS` for each.

    True where its check passed; false where it failed or was not applicable; None where the method has no recorded
    audit or the audit did not get there. Unknown is never a yes.
    """

    attaches: bool | None = None
    trains: bool | None = None
    all_parameters_move: bool | None = None
    trains_in_bf16: bool | None = None
    no_op_at_start: bool | None = None
    exact_off: bool | None = None
    switch_restores: bool | None = None
    reloads: bool | None = None
    reloads_with_peft: bool | None = None
    mergeable: bool | None = None
    merges_in_bf16: bool | None = None
    batch_invariant: bool | None = None
    batch_as_base_in_bf16: bool | None = None
    padding_invariant: bool | None = None
    causal: bool | None = None
    generation_agrees: bool | None = None
    checkpointing_keeps_gradients: bool | None = None
    compact: bool | None = None
    convertible_to_lora: bool | None = None
    servable_by_vllm: bool | None = None
    servable_by_transformers: bool | None = None
    servable_by_llama_cpp: bool | None = None
    trains_on_nf4: bool | None = None
    trains_on_int8: bool | None = None
    trains_on_int8_torchao: bool | None = None


class Answering(NamedTuple):
    """How a method has to be evaluated, so that its answers do not depend on other items in the batch."""

    alone: bool
    """With batch size 1 and without padding, or else in padded batches."""
    reason: str


def recorded_audit() -> Audit | None:
    """Return the audit that came with this package, or None where there is none."""
    return _read(RECORDED_AUDIT)


def plugin_audit_files() -> dict[str, Path]:
    """Return where the package of each plug-in's method keeps its recorded audit, by the method's name.

    It is package data next to the package's `__init__.py`, made by `paretune audit METHOD --record`.
    """
    from paretune.plugins import plugin_folders

    return {name: folder / AUDIT_FILE for name, folder in plugin_folders(PLUGIN_GROUP).items()}


def audit_of(spec: MethodSpec, tied: bool | None = False) -> MethodAudit | None:
    """Return the recorded audit that speaks for a method, or None.

    `tied` says whether the base model ties its embeddings, None if unknown. An audit speaks for the parameters
    that it was made with and for those that differ in size alone: in numbers (a rank, a scale, a dropout) and in the
    layers that are adapted. A switch makes another method of it, and so does another list of modules that are trained
    as a whole. What is set to the library's default says nothing. For a configuration that touches embeddings only an
    audit of the same embeddings speaks, made on a base model that ties them where this one does. Where several audits
    do, the one of the same name and the fewest differences is taken. For a peft type that Paretune trains in its own
    way, such as AdaLoRA, its audit speaks for peft's own way as well, in which imported results were trained. A
    plug-in's method is looked up in the audit that its package comes with.
    """
    whole = _whole_audit_of(spec)
    if whole is None:
        return None
    defaults = whole.defaults.get(spec.peft_type or "", {})
    alike = [one for one in whole.methods if _speaks_for(one, spec, tied, defaults)]
    speaking = [one for one in alike if one.method.implementation == spec.implementation]
    if spec.implementation == _PLAIN_PEFT:
        speaking = speaking or alike
    return min(speaking, key=lambda one: _distance(one.method, spec), default=None)


def _whole_audit_of(spec: MethodSpec) -> Audit | None:
    """Return the audit in which a method is looked up: Paretune's, or that of the plug-in which it comes from."""
    ours = recorded_audit()
    if ours is not None and any(one.method.implementation == spec.implementation for one in ours.methods):
        return ours
    file = plugin_audit_files().get(spec.implementation)
    return ours if file is None else _read(file)


def audits_of(spec: MethodSpec) -> list[MethodAudit]:
    """Return what is recorded of a method, on a base model with tied embeddings as well where it touches them."""
    ways = (False, True) if touched_embeddings(spec) else (False,)
    return [audit for tied in ways if (audit := audit_of(spec, tied)) is not None]


def capabilities_of(spec: MethodSpec, tied: bool | None = False, model_kind: ModelKind = CAUSAL_LM) -> Capabilities:
    """Return what a method can do, as far as its recorded audit says. `tied` is as in `audit_of`.

    Where the audit did not ask on this kind of model, what it found on a causal language model speaks for it.
    """
    audit = audit_of(spec, tied)
    if audit is None:
        return Capabilities()
    verdicts = {claim: _verdict(audit, claim, model_kind) for claim in Capabilities.model_fields}
    return Capabilities(**{claim: found.kind == "pass" for claim, found in verdicts.items() if found is not None})


def _verdict(audit: MethodAudit, claim: str, model_kind: ModelKind) -> Passed | NotPassed | NotApplicable | None:
    """Return what was found on a kind of model, or on a causal language model where it was not asked there."""
    return audit.verdict(claim, model_kind) or audit.verdict(claim)


def answering_of(spec: MethodSpec, tied: bool | None = False, model_kind: ModelKind = CAUSAL_LM) -> Answering:
    """Return how a method has to be evaluated. What is unaudited gets batch size 1, which is always right.

    Where the audit did not ask on this kind of model, what it found on a causal language model speaks for it.
    """
    if not spec.trains:
        return Answering(False, "the base model")
    audit = audit_of(spec, tied)
    if audit is None:
        return Answering(True, "unaudited")
    for claim in ("batch_invariant", "padding_invariant"):
        found = _verdict(audit, claim, model_kind)
        if found is None or found.kind != "pass":
            return Answering(True, getattr(found, "finding", "the audit did not reach it"))
    return Answering(False, "answers depend neither on other items in the batch nor on padding, in float32")


def marks_of(
    spec: MethodSpec,
    recipe: Recipe,
    tied: bool | None = False,
    model_kind: ModelKind = CAUSAL_LM,
    *,
    always_batched: bool = False,
) -> AuditMarks | None:
    """Return what a record keeps of its method's audit on a kind of model, or None where there is nothing to audit.

    That a method cannot be trained in bfloat16 is left out unless the recipe is known to train it so; peft's own choice
    is float32 for most adapters. Checks of answers on a bfloat16 base are left out with a float32 base. `tied` is
    as in `audit_of`; `always_batched` says that this kind of model is never evaluated with batch size 1.
    """
    if not spec.trains:
        return None
    audit, whole = audit_of(spec, tied), _whole_audit_of(spec)
    if audit is None or whole is None:
        return AuditMarks(audit=None, answered_alone=not always_batched)
    failed = audit.failed(model_kind)
    if not _trains_in_base_dtype(spec, recipe):
        failed.pop("trains_in_bf16", None)
    if recipe.dtype != "bfloat16":
        for claim in ("batch_as_base_in_bf16", "merges_in_bf16"):
            failed.pop(claim, None)
    for claim in set(ON_QUANTISED.values()) - {ON_QUANTISED[form] for form in (recipe.quantisation,) if form}:
        failed.pop(claim, None)
    alone = not always_batched and answering_of(spec, tied, model_kind).alone
    return AuditMarks(audit=whole.name, failed=failed, answered_alone=alone)


def _trains_in_base_dtype(spec: MethodSpec, recipe: Recipe) -> bool:
    as_base = recipe.trainable_dtype == "as_base" or (recipe.trainable_dtype == "as_library" and spec.peft_type is None)
    return as_base and recipe.dtype != "float32"


@cache
def _read(file: Path) -> Audit | None:
    if not file.exists():
        return None
    return read_audit(json.loads(file.read_text(encoding="utf-8")), str(file))


def _speaks_for(audit: MethodAudit, spec: MethodSpec, tied: bool | None, defaults: Mapping[str, Any]) -> bool:
    audited = audit.method
    if audited.peft_type != spec.peft_type:
        return False
    if spec.peft_type is None and audited.implementation != spec.implementation:
        return False
    touched = touched_embeddings(spec)
    return (
        touched_embeddings(audited) == touched
        and audit.tied_embeddings == (tied if touched else False)
        and _switches(audited.parameters, defaults) == _switches(spec.parameters, defaults)
    )


def _switches(parameters: Mapping[str, Any], defaults: Mapping[str, Any]) -> dict[str, Any]:
    """Return the parameters that make another method: neither numbers, nor layers, nor off, nor as they are by default.

    Of a list or a table only that it is there, since it says which layers or how much of each; of the modules that are
    trained as a whole, which ones.
    """
    return {
        name: _kind(name, value)
        for name, value in parameters.items()
        if name not in _CHANGES_NO_VERDICT
        and value != defaults.get(name)
        and (value or (value is False and name in defaults))
        and (isinstance(value, bool) or not isinstance(value, int | float))
    }


def _kind(name: str, value: Any) -> Any:
    if isinstance(value, list | tuple | dict):
        return sorted(value) if name == "modules_to_save" else True
    return value


def _distance(audited: MethodSpec, spec: MethodSpec) -> tuple[bool, int]:
    names = {*audited.parameters, *spec.parameters}
    different = sum(audited.parameters.get(name) != spec.parameters.get(name) for name in names)
    return audited.name != spec.name, different
