"""What is known of a method from the recorded audit: what it can do, and how its questions have to be put.

Imports no torch.
"""

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from paretune.methods.embeddings import touched_embeddings
from paretune.spec import Audit, AuditMarks, Data, MethodAudit, MethodSpec, Recipe, read_audit

RECORDED_AUDIT = Path(__file__).with_name("recorded_audit.json")
"""Made by `paretune audit --all --record`."""

_WHICH_LAYERS = {"target_modules", "feedforward_modules", "exclude_modules", "layers_to_transform", "layers_pattern"}
_CHANGES_NO_VERDICT = {*_WHICH_LAYERS, "progressbar"}


class Capabilities(Data):
    """Which claims hold of a method on a causal language model: see `paretune.spec.CLAIMS` for each.

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
    batch_invariant: bool | None = None
    padding_invariant: bool | None = None
    causal: bool | None = None
    generation_agrees: bool | None = None
    checkpointing_keeps_gradients: bool | None = None
    compact: bool | None = None
    convertible_to_lora: bool | None = None
    servable_by_vllm: bool | None = None


class Answering(NamedTuple):
    """How a method's questions have to be put, so that its answers do not depend on how they were put."""

    alone: bool
    """One at a time and without padding, or else together in padded batches."""
    reason: str


def recorded_audit() -> Audit | None:
    """Return the audit that came with this package, or None where there is none."""
    return _read(RECORDED_AUDIT)


def audit_of(spec: MethodSpec, tied: bool | None = False) -> MethodAudit | None:
    """Return the recorded audit that speaks for a method, or None.

    `tied` says whether the base model ties its embeddings, None that nobody knows. An audit speaks for the parameters
    that it was made with and for those that differ in size alone: in numbers (a rank, a scale, a dropout) and in the
    layers that are adapted. A switch makes another method of it, and so does another list of modules that are trained
    as a whole. What is set to the library's default says nothing. For a configuration that touches embeddings only an
    audit of the same embeddings speaks, made on a base model that ties them where this one does. Where several audits
    do, the one of the same name and the fewest differences is taken.
    """
    audit = recorded_audit()
    if audit is None:
        return None
    defaults = audit.defaults.get(spec.peft_type or "", {})
    speaking = [found for found in audit.methods if _speaks_for(found, spec, tied, defaults)]
    return min(speaking, key=lambda found: _distance(found.method, spec), default=None)


def audits_of(spec: MethodSpec) -> list[MethodAudit]:
    """Return what is recorded of a method, on a base model with tied embeddings as well where it touches them."""
    ways = (False, True) if touched_embeddings(spec) else (False,)
    return [audit for tied in ways if (audit := audit_of(spec, tied)) is not None]


def capabilities_of(spec: MethodSpec, tied: bool | None = False) -> Capabilities:
    """Return what a method can do, as far as its recorded audit says. `tied` is as in `audit_of`."""
    audit = audit_of(spec, tied)
    if audit is None:
        return Capabilities()
    verdicts = {claim: audit.verdict(claim) for claim in Capabilities.model_fields}
    return Capabilities(**{claim: found.kind == "pass" for claim, found in verdicts.items() if found is not None})


def answering_of(spec: MethodSpec, tied: bool | None = False) -> Answering:
    """Return how a method has to be asked. What is unaudited is asked alone: then its answers are right anyhow."""
    if not spec.trains:
        return Answering(False, "the base model")
    audit = audit_of(spec, tied)
    if audit is None:
        return Answering(True, "unaudited")
    for claim in ("batch_invariant", "padding_invariant"):
        found = audit.verdict(claim)
        if found is None or found.kind != "pass":
            return Answering(True, getattr(found, "finding", "the audit did not get to it"))
    return Answering(False, "answers depend neither on companions nor on padding")


def marks_of(spec: MethodSpec, recipe: Recipe, tied: bool | None = False) -> AuditMarks | None:
    """Return what a record keeps of its method's audit, or None where there is nothing to audit.

    That a method cannot be trained in bfloat16 is left out unless the recipe trains it so. An image model's marks come
    from the audit of a diffusion model. `tied` is as in `audit_of`.
    """
    if not spec.trains:
        return None
    audit, whole = audit_of(spec, tied), recorded_audit()
    if audit is None or whole is None:
        return AuditMarks(audit=None, answered_alone=True)
    failed = audit.failed("causal-lm" if recipe.image is None else "diffusion")
    if recipe.dtype == "float32" or recipe.trainable_dtype == "float32":
        failed.pop("trains_in_bf16", None)
    return AuditMarks(audit=whole.name, failed=failed, answered_alone=answering_of(spec, tied).alone)


@cache
def _read(file: Path) -> Audit | None:
    if not file.exists():
        return None
    return read_audit(json.loads(file.read_text(encoding="utf-8")), str(file))


def _speaks_for(audit: MethodAudit, spec: MethodSpec, tied: bool | None, defaults: Mapping[str, Any]) -> bool:
    audited, touched = audit.method, touched_embeddings(spec)
    return (
        (audited.implementation, audited.peft_type) == (spec.implementation, spec.peft_type)
        and touched_embeddings(audited) == touched
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
