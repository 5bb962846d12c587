"""Which layers a peft config chooses, and whether the base model has them: peft silently skips missing ones."""

import re
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from peft import PeftConfig
from torch import nn

from paretune.spec import InputError, nearest

_PATTERNS = ("rank_pattern", "alpha_pattern")


def adapted_modules(model: nn.Module) -> Sequence[str]:
    """Return the dotted names of the modules that carry a model's adapter; none where prompts are trained."""
    return getattr(getattr(model, "base_model", None), "targeted_module_names", ())


def check_patterns(label: str, parameters: Mapping[str, Any]) -> None:
    """Raise `InputError` for a key of `rank_pattern` or `alpha_pattern` that is not a valid regular expression."""
    for name in _PATTERNS:
        for pattern in parameters.get(name) or ():
            try:
                re.compile(str(pattern))
            except re.error as error:
                raise InputError(
                    f'method "{label}": {name}: "{pattern}" is not a regular expression: {error}'
                ) from None


def check_token_indices(label: str, config: PeftConfig, model: nn.Module) -> None:
    """Raise `InputError` for a token to train that the model's vocabulary does not have."""
    asked: Any = getattr(model, "get_input_embeddings", None)
    embeddings = asked() if asked is not None else None
    for name in ("token_indices", "trainable_token_indices"):
        given = getattr(config, name, None) or ()
        lists = given.values() if isinstance(given, Mapping) else (given,)
        largest = max((index for indices in lists for index in indices), default=-1)
        if embeddings is not None and largest >= embeddings.num_embeddings:
            raise InputError(
                f'method "{label}": {name}: the base model has no token {largest}, only '
                f"{embeddings.num_embeddings} of them"
            )


def check_parameter_choices(label: str, config: PeftConfig, wrapped: nn.Module) -> None:
    """Raise `InputError` for a target parameter that the base model lacks: peft skips it as long as others match."""
    found = getattr(getattr(wrapped, "base_model", None), "targeted_parameter_names", ())
    for target in getattr(config, "target_parameters", None) or ():
        if not any(name == target or name.endswith(f".{target}") for name in found):
            raise InputError(
                f'method "{label}": target_parameters: the base model has no parameter "{target}" to adapt'
            )


def check_layer_choices(label: str, config: PeftConfig, modules: Sequence[str]) -> None:
    """Raise `InputError` for a pattern that matches none of the adapted modules, and for a layer that holds none."""
    if not modules:
        return
    for name in _PATTERNS:
        for pattern in getattr(config, name, None) or ():
            _check_pattern(label, name, pattern, modules)
    chosen = getattr(config, "layers_to_transform", None)
    if chosen is not None:
        _check_layers(label, [chosen] if isinstance(chosen, int) else chosen, modules)


def _check_pattern(label: str, name: str, pattern: str, modules: Sequence[str]) -> None:
    if not any(re.match(rf"(.*\.)?({pattern})$", module) for module in modules):  # as peft looks for it
        endings = sorted({module.rpartition(".")[2] for module in modules})
        raise InputError(
            f'method "{label}": {name}: "{pattern}" matches no adapted module{nearest(pattern, endings)}; '
            f"adapted are {', '.join(endings)}"
        )


def _check_layers(label: str, chosen: Collection[int], modules: Sequence[str]) -> None:
    present = {int(part) for module in modules for part in module.split(".") if part.isdecimal()}
    if missing := sorted(set(chosen) - present):
        raise InputError(
            f'method "{label}": layers_to_transform = {list(chosen)}: no adapted module lies in layer {missing[0]}'
        )
