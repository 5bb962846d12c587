"""What a check asks of a kind of model: the same few samples, alone, together and padded."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, Protocol

import torch
from torch import Tensor, nn

from paretune.engine.train import DataBatch
from paretune.methods.base import Objective
from paretune.models import LoadedModel
from paretune.spec import ModelKind

RELATIVE_TOLERANCE = 1e-5
"""Outputs further apart than this share of the largest of them differ by more than float32 rounding explains."""


class Answers(NamedTuple):
    """What a language model writes after its prompts."""

    tokens: Tensor
    """int64, shape (samples, new tokens)."""
    logits: Tensor
    """The logits that each token was chosen by, shape (samples, new tokens, vocabulary)."""


class Probe(Protocol):
    """A few samples of the same length for one kind of model."""

    def outputs(self, model: nn.Module, rows: Sequence[int]) -> Tensor:
        """Return the outputs for these samples together in one batch. The first dimension is theirs."""

    def padded_outputs(self, model: nn.Module, row: int) -> dict[str, Tensor]:
        """Return one sample's outputs with padding, padding's own cut off, by the way of padding.

        Empty where this kind of model is never padded.
        """

    def answers(self, model: nn.Module, rows: Sequence[int], num_padding: int = 0) -> Answers | None:
        """Return greedy answers to these samples together, padded on the left. None where a model writes nothing."""


class Subject(NamedTuple):
    """A kind of base model, and what it takes to train and to ask it."""

    kind: ModelKind
    base_model: str
    """Which base model, in words or as a reference."""
    load: Callable[[str], LoadedModel]
    """Returns a fresh base model with weights in the dtype named."""
    probe: Probe
    batch: DataBatch
    """The one batch that is trained on."""
    objective: Objective


class Gap(NamedTuple):
    """How far outputs have moved."""

    largest: float
    """The largest absolute difference."""
    matters: bool
    """Whether rounding does not explain it."""

    def __bool__(self) -> bool:
        return self.matters


def gap(expected: Tensor, found: Tensor) -> Gap:
    """Return how far `found` is from `expected`. A shape or a number that is not finite is infinitely far."""
    if expected.shape != found.shape:
        return Gap(float("inf"), True)
    difference = (found.double() - expected.double()).abs().max().item()
    if not torch.isfinite(found).all():
        return Gap(float("inf"), True)
    return Gap(difference, difference > RELATIVE_TOLERANCE * expected.abs().max().item())


def evaluated(model: nn.Module, call: Callable[[], Any]) -> Any:
    """Return what `call` returns, in eval mode and without gradients. The model's mode is put back."""
    was_training = model.training
    model.eval()
    try:
        with torch.no_grad():
            return call()
    finally:
        model.train(was_training)
