"""Many methods through the audit, several at once."""

import os
import signal
import warnings
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from datetime import UTC, datetime
from functools import cache
from importlib.metadata import version
from importlib.util import find_spec
from itertools import cycle, islice
from multiprocessing import get_context
from multiprocessing.queues import SimpleQueue
from typing import TYPE_CHECKING, Any, NamedTuple

from paretune.methods import method_cards, resolve
from paretune.methods.embeddings import touched_embeddings
from paretune.methods.variants import VARIANTS
from paretune.models.devices import device_environment, visible_devices
from paretune.spec import (
    CAUSAL_LM,
    CLAIMS,
    Audit,
    Finding,
    InputError,
    MethodAudit,
    MethodEntry,
    MethodSpec,
    NotPassed,
    nearest,
)

if TYPE_CHECKING:
    from paretune.kinds.probe import Subject

PACKAGES = ("peft", "torch", "transformers", "diffusers", "bitsandbytes", "torchao")
OnMethod = Callable[[MethodAudit, int, int], None]
"""Called with what was just found, how many methods are done, and how many there are."""


class Case(NamedTuple):
    """One audit of one method."""

    spec: MethodSpec
    model: str | None
    """A causal language model to audit it on; None for a toy of each kind."""
    tied: bool = False
    """On the toy language model with tied embeddings alone."""
    claims: frozenset[str] = frozenset(CLAIMS)
    """What is checked."""
    kinds: frozenset[str] | None = None
    """The kinds of model that it is audited on; None for all."""


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
    claims: Collection[str] = CLAIMS,
    kinds: Collection[str] | None = None,
    jobs: int | None = None,
    on_method: OnMethod | None = None,
) -> Audit:
    """Audit methods, by default every one that there is, and return what was found, in their order.

    With `model`, a reference to a causal language model, checks run on it alone; otherwise on a toy of each kind, and
    for a method that touches embeddings once more on a language model that ties them. Only `claims` are checked, and
    with `kinds` on toys of these kinds alone. `jobs`
    methods are audited at once, each on one thread, by default as many as there are cores; accelerators are dealt out
    among them, and with `model` there are by default no more jobs than accelerators. Raises `InputError` for an unknown
    method, check or kind, a method that trains nothing, a kind without a toy, and a model that cannot be used.
    """
    specs = everything() if methods is None else [_trained(method) for method in methods]
    for claim in claims:
        if claim not in CLAIMS:
            raise InputError(f'unknown check "{claim}"{nearest(claim, CLAIMS)}; known checks: {", ".join(CLAIMS)}')
    chosen = None if kinds is None else frozenset(kinds)
    if model is not None and chosen is not None:
        raise InputError("a kind goes without a model: the checks on a model are those of causal language models")
    cases = [
        case._replace(claims=frozenset(claims), kinds=chosen)
        for spec in specs
        for case in _cases(spec, model)
        if chosen is None or not case.tied or CAUSAL_LM in chosen
    ]
    jobs = min(jobs or _default_jobs(model), len(cases))
    base_models = {subject.kind.name: subject.base_model for subject in _subjects(model, tied=False, kinds=chosen)}
    for name in (chosen or frozenset()) - base_models.keys():
        raise InputError(f'kind "{name}": no small model of this kind to audit on')
    found: dict[int, MethodAudit] = {}
    for place, result in _in_turn(cases) if jobs == 1 else _at_once(cases, jobs):
        found[place] = result
        if on_method is not None:
            on_method(result, len(found), len(cases))
    return Audit(
        made_on=datetime.now(UTC).date().isoformat(),
        packages={name: version(name) for name in PACKAGES if find_spec(name)},
        base_models=base_models,
        defaults=_defaults(case.spec.peft_type for case in cases),
        methods=tuple(found[place] for place in range(len(cases))),
    )


def _default_jobs(model: str | None) -> int:
    """Return the number of cores, or of accelerators where each audit fills one with a model that is no toy."""
    devices = visible_devices() if model is not None else ()
    return len(devices) or os.cpu_count() or 1


def _defaults(peft_types: Iterable[str | None]) -> dict[str, dict[str, Any]]:
    from paretune.methods.defaults import default_switches

    return {found: default_switches(found) for found in dict.fromkeys(peft_types) if found is not None}


def _cases(spec: MethodSpec, model: str | None) -> list[Case]:
    if model is not None or not touched_embeddings(spec):
        return [Case(spec, model)]
    return [Case(spec, None), Case(spec, None, tied=True)]


def _trained(method: str | MethodEntry) -> MethodSpec:
    spec = resolve(MethodEntry(name=method) if isinstance(method, str) else method)
    if not spec.trains:
        raise InputError(f'method "{spec.label}" trains nothing: there is nothing to audit')
    return spec


def _in_turn(cases: Sequence[Case]) -> Iterator[tuple[int, MethodAudit]]:
    for place, case in enumerate(cases):
        yield place, _audit_one(case)


def _at_once(cases: Sequence[Case], jobs: int) -> Iterator[tuple[int, MethodAudit]]:
    """Yield as they come. Where a method takes its process down, the rest get a process each."""
    waiting = dict(enumerate(cases))
    with _pool(jobs) as pool:
        futures: dict[Future[MethodAudit], int] = {
            pool.submit(_audit_one, case): place for place, case in waiting.items()
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
    for place, case in waiting.items():
        yield place, _audit_alone(case)


def _audit_alone(case: Case) -> MethodAudit:
    try:
        with _pool(1) as pool:
            return pool.submit(_audit_one, case).result()
    except BrokenProcessPool:
        verdict = NotPassed(finding="its process ended without an error message", error_type="BrokenProcessPool")
        finding = Finding(claim="trains", model_kind=CAUSAL_LM, verdict=verdict)
        return MethodAudit(method=case.spec, findings=(finding,), tied_embeddings=case.tied)


def _pool(jobs: int) -> ProcessPoolExecutor:
    """Return as many processes, with the accelerators dealt out among them."""
    context = get_context("spawn")
    places: SimpleQueue[str | None] = context.SimpleQueue()
    for device in _dealt_out(jobs):
        places.put(device)
    return ProcessPoolExecutor(jobs, mp_context=context, initializer=_begin, initargs=(places,))


def _dealt_out(jobs: int) -> list[str | None]:
    """Return a device for each process, or None each where there is none."""
    return list(islice(cycle(visible_devices() or (None,)), jobs))


def _begin(places: "SimpleQueue[str | None]") -> None:
    """Set a worker up: a device, one thread, no bars, and the end when the parent says so, not at Ctrl-C."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.environ.update(device_environment(places.get()))
    os.environ["TQDM_DISABLE"] = "1"  # read when a library that draws bars is first imported
    import torch

    torch.set_num_threads(1)


def _audit_one(case: Case) -> MethodAudit:
    from transformers.utils import logging

    from paretune.audit.method import audit_method

    logging.set_verbosity_error()
    logging.disable_progress_bar()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what they warn of is what the checks look at
        return audit_method(case.spec, _subjects(case.model, tied=case.tied, kinds=case.kinds), case.claims)


@cache
def _subjects(model: str | None, *, tied: bool, kinds: frozenset[str] | None = None) -> tuple["Subject", ...]:
    from paretune.kinds import kind_named
    from paretune.kinds import kinds as every_kind

    chosen = every_kind() if kinds is None else [kind_named(name) for name in sorted(kinds)]
    found = (kind.subject(model, tied=tied) for kind in chosen)
    return tuple(subject for subject in found if subject is not None)
