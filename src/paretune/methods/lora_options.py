"""What LoRA's options ask for. Pure data: the options are those of peft's LoraConfig."""

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import Field

_BY_START = {
    "pissa": "mutated-base",
    "olora": "mutated-base",
    "eva": "eva",
    "corda": "corda",
    "lora_ga": "lora-ga",
}
"""Implementations by `init_lora_weights`, or what it begins with ("pissa_niter_4")."""
_BY_OPTION = {
    "kasa_config": "kasa",
    "monteclora_config": "monteclora",
    "alora_invocation_tokens": "alora",
}
"""Implementations by an option that is set."""

Start = (
    bool
    | Annotated[
        str,
        Field(pattern=r"^(gaussian|eva|olora|pissa|pissa_niter_\d+|corda|loftq|orthogonal|mica|lora_ga)$"),
    ]
)
WIDER_KINDS: Mapping[str, Any] = {"init_lora_weights": Start}
"""Parameters that peft declares more narrowly than it takes them."""


REFUSED = {"arrow_config": "Arrow combines adapters that are trained already, and trains nothing itself"}
"""Options that make no method of their own, and why."""


def needed_implementations(parameters: Mapping[str, Any]) -> dict[str, str]:
    """Return the implementations that these parameters ask for, each with the option that does. Most ask for none."""
    needed = {found: option for option, found in _BY_OPTION.items() if parameters.get(option) is not None}
    start = parameters.get("init_lora_weights")
    if isinstance(start, str):
        needed |= {
            found: f'init_lora_weights = "{start}"' for name, found in _BY_START.items() if start.startswith(name)
        }
    return needed
