"""The head that a task gives a model: every method trains it along, in the same way."""

from collections.abc import Collection
from typing import Any

from torch import nn

from paretune.spec import Unavailable

NAMED_BY_PEFT = ("classifier", "score")
"""Heads that peft trains by itself."""
_READS_LAST_TOKEN = "score"
"""What transformers calls the heads of decoders, which read the last token of a text."""
_KEEPS_TOKENS = {"PREFIX_TUNING", "CARTRIDGE"}
"""Types of prompts that leave the tokens of a text to the model."""


def further_modules(head: Collection[str], given: Collection[str] | None) -> dict[str, list[str]]:
    """Return peft's parameter for the modules of a head that it does not know, together with those that are given."""
    unknown = [name for name in head if name not in NAMED_BY_PEFT]
    return {"modules_to_save": [*(given or ()), *unknown]} if unknown else {}


def is_of_head(name: str, head: Collection[str]) -> bool:
    """Tell by its name whether a parameter is of one of the modules of a head."""
    return any(f".{module}." in f".{name}" for module in head)


def check_head(label: str, wrapped: nn.Module, config: Any, head: Collection[str]) -> None:
    """Raise `Unavailable` for a method whose head would not be trained, or would be read in the wrong place."""
    trainable = [name for name, value in wrapped.named_parameters() if value.requires_grad]
    if missing := [module for module in head if not any(is_of_head(name, (module,)) for name in trainable)]:
        raise Unavailable(
            f'method "{label}": peft does not train the head ({", ".join(missing)}) with it, so its labels would be '
            "those of a head that has learnt nothing"
        )
    peft_type = str(getattr(config.peft_type, "value", config.peft_type))
    if config.is_prompt_learning and peft_type not in _KEEPS_TOKENS and _READS_LAST_TOKEN in head:
        raise Unavailable(
            f'method "{label}": a language model\'s head reads the last token, which it cannot find where learned '
            "tokens stand before the text; use an encoder"
        )
