"""What an audit puts through a kind of model: the same few samples, alone, together and padded."""

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, Protocol

import torch
from torch import Tensor, nn

from paretune.engine import DataBatch
from paretune.methods import Objective
from paretune.models import LoadedModel, on_device

if TYPE_CHECKING:
    from paretune.kinds.base import Kind

NUM_PADDING = 5
"""Padding tokens that a sample is given."""
NUM_NEW_TOKENS = 6
"""Tokens of an answer."""

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


class WritingProbe(Protocol):
    """What the claims "causal" and "generation_agrees" ask of a probe besides: those of models that write."""

    def outputs(self, model: nn.Module, rows: Sequence[int]) -> Tensor:
        """Return logits of shape (rows, tokens, vocabulary)."""

    def answers(self, model: nn.Module, rows: Sequence[int], num_padding: int = 0) -> Answers:
        """Return greedy answers to these samples together, padded on the left."""

    def logits_of(self, model: nn.Module, row: int, tokens: Tensor) -> Tensor:
        """Return the logits by which forward passes over the whole text choose each of one sample's new tokens.

        `tokens` has the shape (new tokens); what is returned has (1, new tokens, vocabulary). No cache is used.
        """

    def logits_after_another_end(self, model: nn.Module, row: int) -> Tensor:
        """Return one sample's logits, shape (tokens, vocabulary), with its last token replaced by another."""


class Subject(NamedTuple):
    """A base model under audit, and what it takes to train and to ask it."""

    kind: "Kind[Any]"
    base_model: str
    """Which base model, in words or as a reference."""
    load: Callable[[Dtype], LoadedModel]
    """Returns a fresh base model with weights in the dtype named, on the CPU."""
    probe: Any
    """A `Probe`, and a `WritingProbe` too where the kind's claims ask for it."""
    batch: DataBatch
    """The one batch that is trained on."""
    objective: Objective
    tied: bool = False
    """Whether it is a language model whose input and output embeddings are one matrix."""

    def fresh(self, dtype: Dtype = "float32") -> LoadedModel:
        """Return a fresh base model on the device that training uses: a GPU where there is one."""
        return on_device(self.load(dtype))


def device_of(model: nn.Module) -> torch.device:
    """Return where a model's parameters are."""
    return next(model.parameters()).device


def evaluated(model: nn.Module, call: Callable[[], Any]) -> Any:
    """Return what `call` returns, in eval mode and without gradients. The model's mode is put back."""
    was_training = model.training
    model.eval()
    try:
        with torch.no_grad():
            return call()
    finally:
        model.train(was_training)


def written_answers(model: nn.Module, inputs: Mapping[str, Tensor], pad_id: int, eos_id: int) -> Answers:
    """Return what `generate` writes greedily after these inputs, always `NUM_NEW_TOKENS` tokens."""
    generate: Any = model.generate
    written = evaluated(
        model,
        lambda: generate(
            **inputs,
            min_new_tokens=NUM_NEW_TOKENS,
            max_new_tokens=NUM_NEW_TOKENS,
            do_sample=False,
            num_beams=1,
            pad_token_id=pad_id,
            eos_token_id=eos_id,
            output_logits=True,
            return_dict_in_generate=True,
        ),
    )
    return Answers(written.sequences[:, -NUM_NEW_TOKENS:].cpu(), torch.stack(written.logits, dim=1).cpu())
