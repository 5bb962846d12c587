"""A base model without its weights, read once for everything that is checked on it."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from paretune.methods import ModelKind
from paretune.models import makes_pictures, module_names, tokenizer_of


class Base(NamedTuple):
    """What is known of a base model before its weights are loaded."""

    reference: str
    """As it is loaded: at the commit that the trials were planned with."""
    kind: ModelKind
    tokenizer: Any
    """None of an image model."""
    module_names: Sequence[str]
    """Dotted names of its modules."""


def kind_of(reference: str) -> ModelKind:
    """Return the kind of a base model. Raises `InputError` when its configuration cannot be had."""
    return "diffusion" if makes_pictures(reference) else "causal-lm"


def read_base(reference: str, kind: ModelKind) -> Base:
    """Read a base model of a known kind. Raises `InputError` when its configuration or tokenizer cannot be used."""
    return Base(reference, kind, tokenizer_of(reference), module_names(reference))
