"""How linear layers of a base model are quantised: one name for each format, in studies, estimates and records."""

from typing import Any, Literal, NamedTuple

QuantisedFormat = Literal["nf4", "fp4", "int8", "int8-torchao"]
"""Three by bitsandbytes: 4 bits with the values of a normal distribution (QLoRA, arXiv 2305.14314) or of a float with 2
bits of exponent, both with a scale for every 64 weights; 8 bits with a scale a row (LLM.int8(), arXiv 2208.07339). One
by torchao: 8 bits with a scale a row, where inputs are not rounded."""

FOUR_BITS = ("nf4", "fp4")
"""The formats that know double quantisation and a dtype of their own for products."""

BY_TORCHAO = ("int8-torchao",)
"""The formats that torchao holds; bitsandbytes holds the others."""

EARLIER_NAMES = {"4bit": "nf4", "8bit": "int8"}
"""What the formats were called in earlier studies and records, and still are in the ids of trials."""

NOT_QUANTISED = "none"
"""What a study writes for one method's own recipe where the shared recipe is quantised: TOML knows no null."""


class Quantisation(NamedTuple):
    """How linear layers are quantised, nothing left open."""

    format: QuantisedFormat
    double: bool = True
    """With 4 bits: whether the scales are quantised too."""
    compute_dtype: str = "float32"
    """With 4 bits: dtype of products."""


def present_name(name: Any) -> Any:
    """Return a format by its present name, None for `NOT_QUANTISED`, and anything else as it is."""
    if not isinstance(name, str):
        return name
    return None if name == NOT_QUANTISED else EARLIER_NAMES.get(name, name)


def earlier_name(name: QuantisedFormat) -> str:
    """Return what a format was called first, so that ids of trials stay what they were."""
    return next((earlier for earlier, present in EARLIER_NAMES.items() if present == name), name)
