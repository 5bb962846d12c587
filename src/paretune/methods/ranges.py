"""Values that peft takes for its parameters although nothing sensible can come of them."""

from typing import NamedTuple

from paretune.spec import InputError


class Range(NamedTuple):
    """From `low` to `high`, both ends included."""

    low: float
    high: float


_SCALES = ("lora_alpha", "alpha")
"""What is learnt is multiplied by these."""
_BY_ENDING = {"dropout": Range(0.0, 1.0), "dropout_prob": Range(0.0, 1.0)}
"""Ranges of the parameters whose names end so, in every config."""


def check_range(label: str, name: str, value: object) -> None:
    """Raise `InputError` for a value outside the range that its parameter has in all of peft's configs."""
    if name.endswith("indices") and value in ([], {}):
        raise InputError(f'method "{label}": parameter "{name}" is empty: name at least one, or leave it out')
    if name in _SCALES and value == 0:
        raise InputError(f'method "{label}": parameter "{name}" = 0 multiplies what is learnt by zero')
    if name == "num_virtual_tokens" and isinstance(value, int) and value < 1:
        raise InputError(f'method "{label}": parameter "{name}" = {value}: at least one token is needed')
    if name == "layers_to_transform" and any(layer < 0 for layer in _numbers_in(value)):
        raise InputError(f'method "{label}": parameter "{name}" = {value}: layers are counted from 0')
    found = next((limits for ending, limits in _BY_ENDING.items() if name.endswith(ending)), None)
    if found is None or not isinstance(value, int | float) or found.low <= value <= found.high:
        return
    raise InputError(f'method "{label}": parameter "{name}" = {value} must lie between {found.low} and {found.high}')


def _numbers_in(value: object) -> list[int]:
    return [one for one in (value if isinstance(value, list | tuple) else [value]) if isinstance(one, int)]
