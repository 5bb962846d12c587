"""Ways to fine-tune a base model. Importing this package imports neither torch nor peft."""

from typing import TYPE_CHECKING, Any

from paretune.methods.card import Preset
from paretune.methods.registry import (
    build,
    card_of,
    check_method,
    method_cards,
    prior_learning_rate,
    resolve,
    without_schedule,
)

if TYPE_CHECKING:
    from paretune.methods.base import Context, KindTraits, Method, Objective

__all__ = [
    "Context",
    "KindTraits",
    "Method",
    "Objective",
    "Preset",
    "build",
    "card_of",
    "check_method",
    "method_cards",
    "prior_learning_rate",
    "resolve",
    "without_schedule",
]


def __getattr__(name: str) -> Any:
    """Import what needs torch only when it is asked for."""
    if name in {"Context", "KindTraits", "Method", "Objective"}:
        from paretune.methods import base

        return getattr(base, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
