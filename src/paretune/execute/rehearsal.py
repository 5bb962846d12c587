"""Methods attached to a base model without weights: what would end a trial at its start is found while planning."""

import warnings
from collections.abc import Mapping
from typing import Any

import torch

from paretune.estimate.fake.fake_tensors import fake_tensors
from paretune.execute.base import Base
from paretune.kinds import BatchSize, Lengths, skeleton, without_initial_values
from paretune.methods import Method, build, resolve
from paretune.spec import InputError, MethodEntry, MethodSpec, Trial, Unavailable, one_line

_RATE = 1e-4
"""Any learning rate: what is attached does not depend on it."""
_LENGTHS = (Lengths(0, 16), Lengths(0, 16))
_TEXT_LENGTH, _RESOLUTION = 16, 64
"""The batch that is put through a model: two small examples."""


def rehearse(trial: Trial, base: Base, config: Mapping[str, Any]) -> None:
    """Attach a trial's method to its base model and build its optimizer, as training will; no weights are read.

    `config` is the base model's configuration with what the trial's task changes about it. Where the study sets
    parameters of its own, a batch is put through the model too: presets have been audited. Raises `InputError` for
    parameters that cannot be used, and `Unavailable` where the method itself does not go with the base model. Nothing
    is raised for an error that may come from the missing weights alone: then only the trial can tell.
    """
    method = build(trial.method)
    if method.model_kinds is not None and base.kind.name not in method.model_kinds:
        raise Unavailable(
            f'method "{trial.method.label}": goes with tasks of the kind {", ".join(sorted(method.model_kinds))} only; '
            f'task "{trial.task.name}" is of the kind {base.kind.name}'
        )
    if not (method.trains and method.attaches_without_weights):
        return
    preset = resolve(MethodEntry(name=trial.method.name, label=trial.method.label))
    error = _attempt(method, trial, base, config, run=trial.method != preset)
    if error is None:
        return
    if trial.method != preset and _attempt(build(preset), trial, base, config, run=True) is None:
        raise InputError(f'method "{trial.method.label}": {_settings(trial, preset)} cannot be used: {_reason(error)}')
    if not _lacks_values(error):
        raise Unavailable(f'method "{trial.method.label}": does not go with {trial.base_model}: {_reason(error)}')


def _attempt(method: Method, trial: Trial, base: Base, config: Mapping[str, Any], *, run: bool) -> Exception | None:
    """Return the error that ends the attempt, or None. An `InputError` is raised: it says by itself what to mend."""
    kind = base.kind
    context = kind.context(trial.recipe, _RATE, trial.seed, base.tokenizer)
    shown = kind.shown(base.tokenizer, _RESOLUTION) if kind.sees and run else None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the trial itself keeps them
        try:
            with fake_tensors("cpu"):
                with without_initial_values():
                    model = skeleton(kind, base.shape, trial.recipe.dtype, config)
                context = context._replace(head=kind.head(model))
                wrapped = method.wrap(model, context)
                method.optimizer(wrapped, context)
                size = BatchSize(_LENGTHS, getattr(torch, trial.recipe.dtype), _TEXT_LENGTH, _RESOLUTION, shown)
                if run and (workload := kind.workload(config, size)) is not None:
                    objective = kind.by_recipe(workload.objective, trial.recipe)
                    objective(wrapped.train(), next(iter(workload.batches)))
        except InputError:
            raise
        except Exception as error:  # libraries raise anything for parameters that they cannot use
            return error
    return None


def _settings(trial: Trial, preset: MethodSpec) -> str:
    """Return the parameters of a trial's method that its preset does not have."""
    usual = preset.parameters
    own = {name: value for name, value in trial.method.parameters.items() if name not in usual or usual[name] != value}
    return ", ".join(f"{name} = {value!r}" for name, value in own.items())[:200]


def _reason(error: Exception) -> str:
    text = one_line(error)
    return text[:300] if text != type(error).__name__ else f"peft answers with {text}"


def _lacks_values(error: Exception) -> bool:
    """Tell whether an error may come from the missing weights alone."""
    if isinstance(error, NotImplementedError):
        return "meta tensor" in str(error)
    return isinstance(error, RuntimeError)
