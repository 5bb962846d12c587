"""What a check asks of a kind of model: the same few samples, alone, together and padded."""

from collections.abc import Callable, Sequence
from typing import Any, Literal, NamedTuple, Protocol

import torch
from torch import Tensor, nn

from paretune.engine.train import DataBatch
from paretune.methods.base import Objective
from paretune.models import LoadedModel
from paretune.models.hardware import default_device
from paretune.spec import ModelKind

RELATIVE_TOLERANCE = 3e-6
"""Outputs further apart than this share of the largest of them differ by more than float32 rounding explains."""
NOISE_FACTOR = 10.0
"""How much more than the base model, looked at in the same way, a method may move outputs."""


Dtype = Literal["float32", "bfloat16"]


class Answers(NamedTuple):
    """What a language model writes after its prompts."""

    tokens: Tensor
    """int64, shape (samples, new tokens)."""
    logits: Tensor
    """The logits that each token was chosen by, shape (samples, new tokens, vocabulary)."""


class Probe(Protocol):
    """A few samples of the same length for one kind of model. Everything it returns is on the CPU."""

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
    load: Callable[[Dtype], LoadedModel]
    """Returns a fresh base model with weights in the dtype named, on the CPU."""
    probe: Probe
    batch: DataBatch
    """The one batch that is trained on."""
    objective: Objective
    tied: bool = False
    """Whether it is a language model whose input and output embeddings are one matrix."""

    def fresh(self, dtype: Dtype = "float32") -> LoadedModel:
        """Return a fresh base model on the device that training uses: a GPU where there is one."""
        loaded = self.load(dtype)
        return loaded._replace(model=loaded.model.to(default_device()))


class Gap(NamedTuple):
    """How far outputs have moved."""

    largest: float
    """The largest absolute difference."""
    matters: bool
    """Whether rounding does not explain it."""

    def __bool__(self) -> bool:
        return self.matters


def device_of(model: nn.Module) -> torch.device:
    """Return where a model's parameters are."""
    return next(model.parameters()).device


def gap(expected: Tensor, found: Tensor, *, relative: float = RELATIVE_TOLERANCE, noise: float = 0.0) -> Gap:
    """Return how far `found` is from `expected`. Another shape, or a number that is not finite, is infinitely far.

    `relative` is the share of the largest output that does not matter; `noise` how far the base model itself moves.
    """
    if expected.shape != found.shape or not torch.isfinite(found).all():
        return Gap(float("inf"), True)
    difference = (found.double() - expected.double()).abs().max().item()
    return Gap(difference, difference > max(relative * expected.abs().max().item(), NOISE_FACTOR * noise))


def evaluated(model: nn.Module, call: Callable[[], Any]) -> Any:
    """Return what `call` returns, in eval mode and without gradients. The model's mode is put back."""
    was_training = model.training
    model.eval()
    try:
        with torch.no_grad():
            return call()
    finally:
        model.train(was_training)
