"""Which embeddings of a language model a configuration adapts or trains.

Where a base model ties its input and output embeddings, changing one of them changes the other, or parts the two: then
what holds of a method elsewhere need not hold. Imports no torch.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Literal

from paretune.spec import MethodSpec

Side = Literal["input", "output"]

_MODULES: dict[str, Side] = {
    "model.embed_tokens": "input",
    "model.decoder.embed_tokens": "input",
    "transformer.wte": "input",
    "transformer.word_embeddings": "input",
    "gpt_neox.embed_in": "input",
    "tok_embeddings": "input",
    "shared": "input",
    "lm_head": "output",
    "embed_out": "output",
}
"""Embeddings of the usual architectures by their modules' names in transformers."""
_BY_LAST_PART = {name.rpartition(".")[2]: side for name, side in _MODULES.items()}
_NAMES_MODULES = ("target_modules", "feedforward_modules", "modules_to_save")
_TOKENS = "TRAINABLE_TOKENS"
"""peft's type that trains tokens of the input embeddings unless its target modules say otherwise."""


def touched_embeddings(spec: MethodSpec) -> dict[str, frozenset[Side]]:
    """Return the parameters of a configuration that touch embeddings, each with the sides that it touches.

    Empty where none does. "all-linear" leaves embeddings out, as peft does.
    """
    parameters = spec.parameters
    found = {name: _sides(parameters.get(name)) for name in _NAMES_MODULES}
    found["target_parameters"] = _sides(parameters.get("target_parameters"), lambda name: name.rpartition(".")[0])
    found["trainable_token_indices"] = _sides_of_tokens(parameters.get("trainable_token_indices"))
    if spec.peft_type == _TOKENS and not parameters.get("target_modules"):
        found["target_modules"] = frozenset({"input"})
    return {name: sides for name, sides in found.items() if sides}


def _sides(value: Any, module_of: Callable[[str], str] = lambda name: name) -> frozenset[Side]:
    """Return the sides among names of modules, or among the modules that a regular expression matches."""
    if isinstance(value, str):
        return frozenset() if value == "all-linear" else _matching(value)
    names = (module_of(str(name)).rpartition(".")[2] for name in (value if isinstance(value, Iterable) else ()))
    return frozenset(_BY_LAST_PART[name] for name in names if name in _BY_LAST_PART)


def _matching(pattern: str) -> frozenset[Side]:
    try:
        return frozenset(side for name, side in _MODULES.items() if re.fullmatch(pattern, name))
    except re.error:  # refused while planning
        return frozenset()


def _sides_of_tokens(value: Any) -> frozenset[Side]:
    """Return the sides of tokens that are trained along: a list is of the input's, a table has a module a key."""
    if isinstance(value, Mapping):
        return _sides(list(value))
    return frozenset({"input"}) if value else frozenset()
