"""Writes docs/reference/methods.md from what the code knows: `python -m paretune.audit.reference FILE`."""

import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from paretune.methods import Preset, build, method_cards, resolve
from paretune.methods.base import Method
from paretune.methods.capabilities import audits_of, recorded_audit
from paretune.methods.peft import Peft
from paretune.methods.variants import VARIANTS
from paretune.spec import CAUSAL_LM, CLAIMS, IMAGE_TEXT, MethodAudit, MethodEntry, MethodSpec, ModelKind, NotApplicable

HOOKS = ("wrap", "before_training", "parameter_groups", "optimizer", "loss_terms", "after_step", "save", "load")
_SIGNS = {"pass": "✓", "fail": "✗", "not_applicable": "–"}
_INTRODUCTION = """\
# Methods

Made by `make reference` from the presets and the recorded audit; a test fails when it is out of date.
Every method is named in a study as it is named here; a peft type can be named as peft names it.
What the parameters leave open is the library's default. Default learning rates are where a search begins, for small
models and some tens of steps.
"""


_TIED = (
    "What adapts or trains embeddings was also audited on a language model that ties its input and output embeddings; "
    "nothing is said of such a method on other embeddings than those it was audited on."
)


_IMAGE_TEXT = (
    "An Idefics3, the class that SmolVLM is built as, its adapters in the language tower; every sample is about an "
    "image of its own. What cannot be attached fails the first check, and its section says why; where a method is "
    "unaudited, what was found on a causal language model speaks for it."
)


def methods_reference() -> str:
    """Return the page: what the claims mean, which hold of which method, and each method in turn."""
    audit = recorded_audit()
    trained = [(card, resolve(MethodEntry(name=card.name))) for card in method_cards() if card.family != "plug-in"]
    variants = [
        (variant, resolve(MethodEntry(name=variant.method, label=variant.label, parameters=variant.parameters)))
        for variant in VARIANTS
    ]
    lines = [_INTRODUCTION, "## What is audited", ""]
    lines += [
        f"- **{_label(claim.label)}** (`{claim.name}`): {claim.statement} {claim.how}" for claim in CLAIMS.values()
    ]
    lines += ["", "## Which checks pass", ""]
    if audit is not None:
        packages = ", ".join(f"{name} {number}" for name, number in audit.packages.items())
        models = ", ".join(f"{kind}: {model}" for kind, model in audit.base_models.items())
        lines += [f"Audit {audit.version}, made on {audit.made_on} with {packages} ({models}).", ""]
        lines += [_TIED, ""]
        lines += ["On a causal language model; ✓ passes, ✗ fails, – does not apply, empty: not reached.", ""]
    specs = [spec for _, spec in [*trained, *variants] if spec.trains]
    lines += list(_matrix(specs))
    if audit is not None and IMAGE_TEXT in audit.base_models:
        lines += ["", "## On a model that reads images and text", "", _IMAGE_TEXT, ""]
        lines += list(_matrix(specs, IMAGE_TEXT))
    for card, spec in trained:
        lines += ["", *_section(card, spec)]
    for variant, spec in variants:
        lines += ["", f"## {variant.label}", "", variant.description, ""]
        changed = json.dumps(variant.parameters)[1:-1]
        lines += [f"- `{variant.method}` with `{changed}`", *_findings(audits_of(spec))]
    return "\n".join(lines) + "\n"


def _matrix(specs: Sequence[MethodSpec], kind: ModelKind = CAUSAL_LM) -> Iterator[str]:
    """Yield a table of the claims that were tried on a kind of model, a row for a method."""
    audits_by_spec = [(spec, audits_of(spec)) for spec in specs]
    tried = {
        one.claim
        for _, audits in audits_by_spec
        for audit in audits
        for one in audit.findings
        if one.model_kind == kind
    }
    claims = [claim for claim in CLAIMS if claim in tried] or list(CLAIMS)
    yield "| method | " + " | ".join(_label(CLAIMS[claim].label) for claim in claims) + " |"
    yield "|---|" + ":-:|" * len(claims)
    for spec, audits in audits_by_spec:
        about = [audit for audit in audits if kind == CAUSAL_LM or not audit.tied_embeddings]
        if not any(one.model_kind == kind for audit in about for one in audit.findings):
            yield f"| {spec.label} | unaudited |" + " |" * (len(claims) - 1)
            continue
        for audit in about:
            label = f"{spec.label}, tied embeddings" if audit.tied_embeddings else spec.label
            verdicts = [audit.verdict(claim, kind) for claim in claims]
            yield f"| {label} | " + " | ".join(_SIGNS[found.kind] if found else "" for found in verdicts) + " |"


def _section(card: Preset, spec: MethodSpec) -> Iterator[str]:
    yield f"## {card.name}"
    yield ""
    yield card.description
    yield ""
    if card.arxiv or card.paper or card.year:
        address = f"[arXiv {card.arxiv}](https://arxiv.org/abs/{card.arxiv})" if card.arxiv else card.paper
        yield f"- Paper: {', '.join(str(part) for part in (address, card.year) if part)}"
    method = build(spec)
    yield f"- Family: {card.family}; built by `{type(method).__name__}`" + (
        f" with peft's `{spec.peft_type}`" if spec.peft_type else ""
    )
    if hooks := _hooks(method):
        yield f"- Hooks: {', '.join(f'`{hook}`' for hook in hooks)}"
    yield f"- Parameters: `{_parameters(spec)}`"
    if card.prior_learning_rate is not None:
        yield f"- Default learning rate: {card.prior_learning_rate:g}. {card.prior_source}".rstrip()
    if spec.trains:
        yield from _findings(audits_of(spec))


def _findings(audits: Sequence[MethodAudit]) -> Iterator[str]:
    """Yield what does not hold and why, kind of model by kind of model; what holds is in the table above.

    Claims that hold are named where their value is of interest.
    """
    if not audits:
        yield "- Audit: unaudited"
    for audit in audits:
        for kind in dict.fromkeys(finding.model_kind for finding in audit.findings):
            found = [finding for finding in audit.findings if finding.model_kind == kind]
            tried = [finding for finding in found if not isinstance(finding.verdict, NotApplicable)]
            left = f", {len(found) - len(tried)} do not apply" if len(tried) < len(found) else ""
            held = sum(finding.verdict.kind == "pass" for finding in found)
            where = f"{kind} with tied embeddings" if audit.tied_embeddings else kind
            yield f"- Audit, {where}: {held} of {len(tried)} checks pass{left}"
            for finding in found:
                if isinstance(finding.verdict, NotApplicable):
                    yield f"    - {finding.claim}: not applicable, {_plain(finding.verdict.reason)}"
                elif finding.verdict.kind == "fail":
                    yield f"    - **{finding.claim}**: {_plain(finding.verdict.finding)}"
                elif CLAIMS[finding.claim].shows_value:
                    yield f"    - {finding.claim}: {_plain(finding.verdict.finding)}"


def _hooks(method: Method) -> list[str]:
    """Return the hooks in which a method does something of its own."""
    common = [[getattr(kind, hook) for kind in (Method, Peft)] for hook in HOOKS]
    own = [getattr(type(method), hook) for hook in HOOKS]
    return [hook for hook, found, shared in zip(HOOKS, own, common, strict=True) if found not in shared]


def _parameters(spec: MethodSpec) -> str:
    return json.dumps(spec.parameters)[1:-1] or "none"


def _label(label: str) -> str:
    """Return a column's heading on one line, words broken over two lines joined again."""
    return label.replace("-\n", "").replace("\n", " ")


def _plain(text: str) -> str:
    return text.replace("|", "\\|").replace("<", "&lt;")


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(methods_reference(), encoding="utf-8")
