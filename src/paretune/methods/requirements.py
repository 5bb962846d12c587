"""What a method needs that not every machine has, by its peft type, parameters and implementation. Pure data."""

from collections.abc import Mapping
from typing import Any, NamedTuple


class Package(NamedTuple):
    """A package beyond Paretune's own dependencies."""

    name: str
    """As it is installed."""
    module: str
    """As it is imported."""


def accelerator_reason(peft_type: str | None, parameters: Mapping[str, Any]) -> str | None:
    """Return why a method cannot run on a CPU, or None where it can."""
    if peft_type == "LORA" and parameters.get("init_lora_weights") == "loftq":
        return "LoftQ rounds the weights with code that only runs on a GPU"
    if peft_type == "BOFT" and parameters.get("boft_n_butterfly_factor", 1) != 1:
        return "more than one butterfly factor needs a CUDA kernel, and without it peft uses one factor all the same"
    return None


def extra_packages(
    peft_type: str | None, parameters: Mapping[str, Any], implementation: str = "peft"
) -> tuple[Package, ...]:
    """Return the packages that a method needs."""
    if peft_type == "ADAMSS" or implementation == "tfidf":
        return (Package("scikit-learn", "sklearn"),)
    if peft_type == "LORA" and parameters.get("init_lora_weights") == "loftq":
        return (Package("bitsandbytes", "bitsandbytes"),)
    return ()
