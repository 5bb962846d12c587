"""One method through all checks, on every kind of model."""

import re
from collections.abc import Callable, Iterator, Sequence
from copy import deepcopy
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory, gettempdir
from typing import Any, NamedTuple, TypeVar

import torch
from torch import nn

from paretune.audit.answers import (
    batch_as_base_in_bf16,
    batch_invariant,
    bf16_noise_of,
    causal,
    confirmed,
    generation_agrees,
    noise_of,
    padding_invariant,
)
from paretune.audit.course import RECIPE, Attached, Trained, all_outputs, attach, train_under_watch
from paretune.audit.quantised import trains_on_quantised, trains_on_quantised_in_bf16
from paretune.audit.serving import servable_by_llama_cpp, servable_by_transformers, servable_by_vllm
from paretune.audit.storage import compact, convertible_to_lora, mergeable, merges_in_bf16, reloads
from paretune.audit.switching import exact_off, no_op_at_start, switch_restores
from paretune.audit.training import checkpointing_keeps_gradients, parameters_move, trains
from paretune.kinds.probe import Subject
from paretune.methods import Method, build, prior_learning_rate
from paretune.methods.peft import Peft
from paretune.methods.requirements import accelerator_reason, extra_packages
from paretune.models.quantisation import is_quantised
from paretune.spec import CLAIMS, Finding, MethodAudit, MethodSpec, NotApplicable, NotPassed, Passed, one_line
from paretune.spec.quantisation import BY_TORCHAO, QuantisedFormat

RATE_WITHOUT_PRIOR = 1e-2
_SMALLER = (0.1, 0.01)
"""Factors on the default learning rate that are tried in turn where the loss does not fall."""
ON_QUANTISED: dict[str, QuantisedFormat] = {
    "trains_on_nf4": "nf4",
    "trains_on_int8": "int8",
    "trains_on_int8_torchao": "int8-torchao",
}
"""The claims about a quantised base, each with its format."""
SMALL_RATE = 1e-4
"""A rate that is usual for large models: in bfloat16 such a step is lost on a value near one."""
_SHOWN_ERROR_LETTERS = 300
_TEMPORARY = re.compile(rf"{re.escape(gettempdir())}/[^\s:,'\"]*")
"""The name of a temporary folder says nothing, and is another every time."""

Outcome = Passed | NotPassed | NotApplicable
Made = TypeVar("Made")


def audit_method(
    spec: MethodSpec, subjects: Sequence[Subject], claims: frozenset[str] = frozenset(CLAIMS)
) -> MethodAudit:
    """Run the checks of one method on every subject. An error inside a check is that check's failure.

    Those of `claims` alone are run, and where one of them is about the unquantised base, what leads up to it. Raises
    nothing that a method, peft or a model raises. The caller's random generator of the CPU is left as it was.
    """
    findings: list[Finding] = []
    for subject in subjects:
        with torch.random.fork_rng(devices=[]), TemporaryDirectory() as folder:
            for claim, verdict in _on(spec, subject, Path(folder), claims & subject.kind.claims):
                findings.append(Finding(claim=claim, model_kind=subject.kind.name, verdict=verdict))
    tied = any(subject.tied for subject in subjects)
    return MethodAudit(method=spec, findings=tuple(findings), tied_embeddings=tied)


def _missing_here(spec: MethodSpec) -> str | None:
    """Return what a method needs that this machine does not have, or None."""
    reason = accelerator_reason(spec.peft_type, spec.parameters)
    if reason is not None and not torch.cuda.is_available():
        return f"needs a GPU: {reason}"
    packages = [
        needed.name for needed in extra_packages(spec.peft_type, spec.parameters) if not find_spec(needed.module)
    ]
    return f"needs {' and '.join(packages)}" if packages else None


def _not_for(spec: MethodSpec, subject: Subject) -> str | None:
    """Return which kinds of model a method is for where this is none of them, or None."""
    kinds = build(spec).model_kinds
    if kinds is None or subject.kind.name in kinds:
        return None
    return f"for models of the kind {', '.join(sorted(kinds))} only"


class _Course(NamedTuple):
    """How far one method came on one model."""

    attached: Attached
    at_start: Outcome
    """Whether it was a no-op."""
    saved_at_start: bool
    trained: Trained | NotPassed


def _on(
    spec: MethodSpec, subject: Subject, folder: Path, claims: frozenset[str]
) -> Iterator[tuple[str, Outcome]]:  # fmt: skip
    """Yield what is found, claim by claim."""
    if missing := _missing_here(spec) or _not_for(spec, subject):
        yield "attaches", NotApplicable(reason=missing)
        return
    if claims - ON_QUANTISED.keys():
        for claim, found in _on_plain(spec, subject, folder):
            if claim in claims:
                yield claim, found
            if claim == "attaches" and isinstance(found, NotPassed):
                return
    for claim, form in ON_QUANTISED.items():
        if claim in claims:
            yield claim, _attempt(partial(_on_quantised, spec, subject, form, folder))


def _on_plain(spec: MethodSpec, subject: Subject, folder: Path) -> Iterator[tuple[str, Outcome]]:
    """Yield what is found on the base as it is. Ends early when there is nothing left that could be checked."""
    at_start, saved = folder / "at-start", folder / "trained"
    course = _course(spec, subject, at_start)
    if isinstance(course, NotPassed):
        yield "attaches", course
        return
    attached, trained = course.attached, course.trained
    yield "attaches", Passed()
    yield "no_op_at_start", course.at_start
    if isinstance(trained, NotPassed):
        yield "trains", trained
        return
    yield "trains", trains(trained)
    yield "all_parameters_move", parameters_move(trained.movements)
    yield from _on_answers(attached)
    yield from _on_storage(attached, saved)
    if saved.exists():
        if course.saved_at_start:
            yield from _asked(subject, "compact", lambda: compact(at_start, saved))
        yield from _asked(subject, "servable_by_vllm", lambda: servable_by_vllm(saved))
        yield from _asked(subject, "servable_by_transformers", lambda: _by_transformers(attached, saved))
        config = partial(_config_of, subject)
        yield from _asked(subject, "servable_by_llama_cpp", lambda: servable_by_llama_cpp(saved, config()))
    yield from _asked(subject, "checkpointing_keeps_gradients", lambda: checkpointing_keeps_gradients(attached))
    yield from _asked(subject, "switch_restores", lambda: switch_restores(attached))
    yield from _asked(subject, "exact_off", lambda: exact_off(attached))
    yield from _asked(subject, "trains_in_bf16", lambda: _moves_in_bf16(spec, subject))


def _config_of(subject: Subject) -> dict[str, Any]:
    """Return the configuration of a base model of transformers."""
    model: Any = subject.fresh().model
    config: dict[str, Any] = model.config.to_dict()
    return config


def _course(spec: MethodSpec, subject: Subject, at_start: Path) -> _Course | NotPassed:
    """Attach and train at the default learning rate, and again at smaller ones where the loss does not fall.

    Priors are meant for real models; that one is too high for a toy says nothing about the method. What the method
    saves before its first step is written into `at_start`.
    """
    for rate in _rates(spec):
        course = _attempt(partial(_course_at, spec, subject, rate, at_start))
        if isinstance(course, NotPassed) or isinstance(course.trained, NotPassed) or course.trained.learned:
            break
    return course


def _rates(spec: MethodSpec) -> tuple[float, ...]:
    """Return the learning rates that are tried in turn."""
    prior = prior_learning_rate(spec) or RATE_WITHOUT_PRIOR
    return (prior, *(prior * factor for factor in _SMALLER))


def _course_at(spec: MethodSpec, subject: Subject, rate: float, at_start: Path) -> _Course:
    attached = attach(build(spec), subject, rate)
    start = _attempt(lambda: no_op_at_start(attached))
    saved = _attempt(lambda: attached.method.save(attached.model, at_start))
    return _Course(attached, start, saved is None, _attempt(lambda: train_under_watch(attached)))


def _on_answers(attached: Attached) -> Iterator[tuple[str, Outcome]]:
    model, subject, noise = attached.model, attached.subject, noise_of(attached.subject)
    probe = subject.probe
    yield from _asked(subject, "batch_invariant", lambda: confirmed(batch_invariant, model, probe, noise.batch))
    yield from _asked(subject, "padding_invariant", lambda: confirmed(padding_invariant, model, probe, noise.padding))
    yield from _asked(subject, "causal", lambda: causal(model, probe))
    yield from _asked(
        subject, "generation_agrees", lambda: confirmed(generation_agrees, model, probe, noise.generation)
    )


def _on_storage(attached: Attached, folder: Path) -> Iterator[tuple[str, Outcome]]:
    """Save, load, convert and merge. The trained model stays as it is: what is spent in the end is the loaded one."""
    method, subject = attached.method, attached.subject
    loaded = _attempt(lambda: _saved_and_loaded(method, attached, folder))
    if isinstance(loaded, NotPassed):
        yield "reloads", loaded
        yield from _asked(subject, "mergeable", lambda: mergeable(subject, deepcopy(attached.model)))
    else:
        yield from _asked(subject, "reloads", lambda: reloads(subject, all_outputs(subject, attached.model), loaded))
        yield from _asked(
            subject, "convertible_to_lora", lambda: convertible_to_lora(subject, attached.base_outputs, loaded)
        )
        yield from _asked(subject, "batch_as_base_in_bf16", lambda: _batch_in_bf16(method, subject, folder))
        yield from _asked(subject, "merges_in_bf16", lambda: _merged_in_bf16(method, subject, folder))
        yield from _asked(subject, "mergeable", lambda: mergeable(subject, loaded))
    if isinstance(method, Peft):
        by_peft = folder.with_name("by-peft")
        yield from _asked(subject, "reloads_with_peft", lambda: _reloads_with_peft(attached, by_peft))


def _saved_and_loaded(method: Method, attached: Attached, folder: Path) -> nn.Module:
    method.save(attached.model, folder)
    return build(method.spec).load(attached.subject.fresh().model, folder)


def _reloads_with_peft(attached: Attached, folder: Path) -> Outcome:
    """Save and load as peft does it, without what the method's own class adds."""
    subject, plain = attached.subject, Peft(attached.method.spec)
    plain.save(attached.model, folder)
    base = subject.fresh().model
    if hasattr(base.config, "use_cache"):
        base.config.use_cache = False  # some demand it, and no forward pass here wants a cache
    loaded = plain.load(base, folder)
    return reloads(subject, all_outputs(subject, attached.model), loaded)


def _by_transformers(attached: Attached, saved: Path) -> Outcome:
    expected = all_outputs(attached.subject, attached.model)
    return servable_by_transformers(attached.subject, expected, saved, saved.with_name("with-base"))


def _moves_in_bf16(spec: MethodSpec, subject: Subject) -> Passed | NotPassed:
    """Train once more, in the base's bfloat16 and at a small rate."""
    recipe = RECIPE.model_copy(update={"dtype": "bfloat16", "trainable_dtype": "as_base"})
    return parameters_move(train_under_watch(attach(build(spec), subject, SMALL_RATE, recipe)).movements)


def _on_quantised(spec: MethodSpec, subject: Subject, form: QuantisedFormat, folder: Path) -> Outcome:
    if find_spec(package := "torchao" if form in BY_TORCHAO else "bitsandbytes") is None:
        return NotApplicable(reason=f"needs {package}")
    if is_quantised(subject.fresh().model):
        return NotApplicable(reason="the base model is quantised already")
    found = trains_on_quantised(spec, subject, form, _rates(spec), folder / form)
    if isinstance(found, NotPassed):
        return found
    in_bf16 = _attempt(partial(trains_on_quantised_in_bf16, spec, subject, form, _rates(spec)))
    if isinstance(in_bf16, NotPassed):
        return in_bf16.model_copy(update={"finding": f"with the other layers in bfloat16: {in_bf16.finding}"})
    return found


def _batch_in_bf16(method: Method, subject: Subject, folder: Path) -> Passed | NotPassed:
    """Load what was saved onto the base model in bfloat16, as an evaluation does."""
    loaded = build(method.spec).load(subject.fresh("bfloat16").model, folder)
    return batch_as_base_in_bf16(loaded, subject.probe, bf16_noise_of(subject))


def _merged_in_bf16(method: Method, subject: Subject, folder: Path) -> Outcome:
    loaded = build(method.spec).load(subject.fresh("bfloat16").model, folder)
    return merges_in_bf16(subject, loaded, bf16_noise_of(subject))


def _asked(subject: Subject, claim: str, check: Callable[[], Outcome]) -> Iterator[tuple[str, Outcome]]:
    """Yield what is found of a claim, where the kind of model is one that is asked for it."""
    if claim in subject.kind.claims:
        yield claim, _attempt(check)


def _attempt(work: Callable[[], Made]) -> Made | NotPassed:
    """Return what was made. An error, whoever raises it, is a failure with its message."""
    try:
        return work()
    except Exception as error:  # any error of a method or a library is a finding about it
        message = _TEMPORARY.sub("a temporary folder", one_line(error))[:_SHOWN_ERROR_LETTERS]
        return NotPassed(finding=f"{type(error).__name__}: {message}", error_type=type(error).__name__)
