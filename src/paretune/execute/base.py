"""A base model without its weights, read once for everything that is checked on it."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from paretune.kinds import Kind, Positions, outline_of
from paretune.models import ModelShape, find_shape
from paretune.models.toy import toy_tokenizer
from paretune.spec import Unreachable, one_line

OnSkipped = Callable[[str], None]
"""Is called with what cannot be checked, and why, in a sentence without its full stop."""


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
    counts_tokens: bool = True
    """False where the tokenizer is not here, and a stand-in of one token for each character takes its place."""


def read_base(reference: str, kind: Kind[Any], on_skipped: OnSkipped | None = None) -> Base:
    """Read a base model for a kind. Raises `InputError` when its configuration or tokenizer cannot be used.

    With `on_skipped`, a tokenizer that is only on a hub that cannot be reached is not among it.
    """
    shape = find_shape(reference)
    try:
        tokenizer, counts = kind.tokenizer(reference), True
    except Unreachable as error:
        if on_skipped is None:
            raise
        on_skipped(f"lengths in tokens: {one_line(error)}")
        tokenizer, counts = toy_tokenizer(), False
    return Base(kind, shape, tokenizer, *outline_of(kind, shape), counts_tokens=counts)
