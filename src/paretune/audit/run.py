"""Many methods through the audit, several at once."""

import os
import signal
import warnings
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from datetime import UTC, datetime
from functools import cache
from importlib.metadata import version
from multiprocessing import get_context
from typing import TYPE_CHECKING

from paretune.methods import method_cards, resolve
from paretune.methods.variants import VARIANTS
from paretune.spec import Audit, Finding, InputError, MethodAudit, MethodEntry, MethodSpec, NotPassed

if TYPE_CHECKING:
    from paretune.audit.probe import Subject

PACKAGES = ("peft", "torch", "transformers", "diffusers")
OnMethod = Callable[[MethodAudit, int, int], None]
"""Called with what was just found, how many methods are done, and how many there are."""


def everything() -> list[MethodSpec]:
    """Return every method there is to audit: all presets, every type of peft's, plug-ins, and variants by option."""
    named = [MethodEntry(name=card.name) for card in method_cards()]
    variants = [
        MethodEntry(name=variant.method, label=variant.label, parameters=variant.parameters) for variant in VARIANTS
    ]
    return [spec for spec in map(resolve, [*named, *variants]) if spec.trains]


def audit_methods(
    methods: Sequence[str | MethodEntry] | None = None,
    *,
    model: str | None = None,
    jobs: int | None = None,
    on_method: OnMethod | None = None,
) -> Audit:
    """Audit methods, by default every one that there is, and return what was found, in their order.

    With `model`, a reference to a causal language model, checks run on it alone; otherwise on a toy of each kind.
    `jobs` methods are audited at once, each on one thread; by default as many as there are cores. Raises `InputError`
    for an unknown method, one that trains nothing, and a model that cannot be used.
    """
    specs = everything() if methods is None else [_trained(method) for method in methods]
    jobs = min(jobs or os.cpu_count() or 1, len(specs))
    base_models = {subject.kind: subject.base_model for subject in _subjects(model)}
    found: dict[int, MethodAudit] = {}
    for place, result in _in_turn(specs, model) if jobs == 1 else _at_once(specs, model, jobs):
        found[place] = result
        if on_method is not None:
            on_method(result, len(found), len(specs))
    return Audit(
        made_on=datetime.now(UTC).date().isoformat(),
        packages={name: version(name) for name in PACKAGES},
        base_models=base_models,
        methods=tuple(found[place] for place in range(len(specs))),
    )


def _trained(method: str | MethodEntry) -> MethodSpec:
    spec = resolve(MethodEntry(name=method) if isinstance(method, str) else method)
    if not spec.trains:
        raise InputError(f'method "{spec.label}" trains nothing: there is nothing to audit')
    return spec


def _in_turn(specs: Sequence[MethodSpec], model: str | None) -> Iterator[tuple[int, MethodAudit]]:
    for place, spec in enumerate(specs):
        yield place, _audit_one(spec, model)


def _at_once(specs: Sequence[MethodSpec], model: str | None, jobs: int) -> Iterator[tuple[int, MethodAudit]]:
    """Yield as they come. Where a method takes its process down, the rest get a process each."""
    waiting = dict(enumerate(specs))
    with _pool(jobs) as pool:
        futures: dict[Future[MethodAudit], int] = {
            pool.submit(_audit_one, spec, model): place for place, spec in waiting.items()
        }
        try:
            for future in as_completed(futures):
                result = future.result()
                del waiting[futures[future]]
                yield futures[future], result
        except BrokenProcessPool:
            pool.shutdown(wait=False)
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    for place, spec in waiting.items():
        yield place, _audit_alone(spec, model)


def _audit_alone(spec: MethodSpec, model: str | None) -> MethodAudit:
    try:
        with _pool(1) as pool:
            return pool.submit(_audit_one, spec, model).result()
    except BrokenProcessPool:
        verdict = NotPassed(finding="its process ended without a word", error_type="BrokenProcessPool")
        return MethodAudit(method=spec, findings=(Finding(claim="trains", model_kind="causal-lm", verdict=verdict),))


def _pool(jobs: int) -> ProcessPoolExecutor:
    return ProcessPoolExecutor(jobs, mp_context=get_context("spawn"), initializer=_begin)


def _begin() -> None:
    """Set a worker up: one thread, no bars, and the end when the parent says so, not at Ctrl-C."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.environ["TQDM_DISABLE"] = "1"  # read when a library that draws bars is first imported
    import torch

    torch.set_num_threads(1)


def _audit_one(spec: MethodSpec, model: str | None) -> MethodAudit:
    from transformers.utils import logging

    from paretune.audit.method import audit_method

    logging.set_verbosity_error()
    logging.disable_progress_bar()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what they warn of is what the checks look at
        return audit_method(spec, _subjects(model))


@cache
def _subjects(model: str | None) -> tuple["Subject", ...]:
    from paretune.audit.diffusion import diffusion_subject
    from paretune.audit.encoder import encoder_subject
    from paretune.audit.language import language_subject

    if model is not None:
        return (language_subject(model),)
    return language_subject(), encoder_subject(), diffusion_subject()
