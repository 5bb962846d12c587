"""How far outputs have moved, and whether rounding explains it."""

from typing import NamedTuple

import torch
from torch import Tensor

RELATIVE_TOLERANCE = 3e-6
"""Outputs further apart than this share of the largest of them differ by more than float32 rounding explains."""
NOISE_FACTOR = 10.0
"""How much more than the base model, looked at in the same way, a method may move outputs."""


class Gap(NamedTuple):
    """How far outputs have moved."""

    largest: float
    """The largest absolute difference."""
    matters: bool
    """Whether rounding does not explain it."""

    def __bool__(self) -> bool:
        return self.matters


def gap(expected: Tensor, found: Tensor, *, relative: float = RELATIVE_TOLERANCE, noise: float = 0.0) -> Gap:
    """Return how far `found` is from `expected`. Another shape, or a number that is not finite, is infinitely far.

    `relative` is the share of the largest output that does not matter; `noise` how far the base model itself moves.
    """
    if expected.shape != found.shape or not torch.isfinite(found).all():
        return Gap(float("inf"), True)
    difference = (found.double() - expected.double()).abs().max().item()
    return Gap(difference, difference > max(relative * expected.abs().max().item(), NOISE_FACTOR * noise))
