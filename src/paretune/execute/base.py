"""A base model without its weights, read once for everything that is checked on it."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from paretune.kinds import Kind, Positions, outline_of
from paretune.models import ModelShape, find_shape


class Base(NamedTuple):
    """What is known of a base model before its weights are loaded."""

    kind: Kind[Any]
    """The kind that it is used as."""
    shape: ModelShape
    """Of the model as it is loaded: at the commit that the trials were planned with."""
    tokenizer: Any
    """None of an image model."""
    module_names: Sequence[str]
    """Dotted names of its modules."""
    positions: Positions
    """How many tokens it reads at once."""


def read_base(reference: str, kind: Kind[Any]) -> Base:
    """Read a base model for a kind. Raises `InputError` when its configuration or tokenizer cannot be used."""
    shape = find_shape(reference)
    return Base(kind, shape, kind.tokenizer(reference), *outline_of(kind, shape))
