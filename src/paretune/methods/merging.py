"""Merging an adapter into the weights of its base model, or the reason why that cannot be done."""

from typing import Any

from torch import nn


class CannotMerge(Exception):
    """The adapter cannot be merged; its text is the reason, as peft gives it."""


def has_adapter(model: nn.Module) -> bool:
    """Tell whether a model carries an adapter of peft's."""
    return hasattr(model, "peft_config")


def merge_adapter(model: nn.Module) -> nn.Module:
    """Return a model with its adapter merged into the weights. The given model is spent.

    Raises `CannotMerge` where the method has no way to, or peft refuses.
    """
    merge: Any = getattr(model, "merge_and_unload", None)
    if merge is None:
        raise CannotMerge("it has no way to merge")
    try:
        whole: nn.Module = merge()
    except (NotImplementedError, ValueError, AttributeError) as error:
        raise CannotMerge(f"it refuses: {first_sentence(error)}") from None
    return whole


def first_sentence(error: BaseException) -> str:
    """Return the first sentence of an exception's text, at most 200 characters, without its full stop."""
    text = " ".join(str(error).split()) or type(error).__name__
    return text.split(". ")[0].rstrip(".")[:200]
