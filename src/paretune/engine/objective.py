"""The loss that language models are trained with: on the tokens of the answer, and computed nowhere else.

With a large vocabulary and a small model most of a step would go into logits of the question, which no loss reads. So
hidden states are picked before the output layer.
"""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import Any, Protocol

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from paretune.engine.batches import picked
from paretune.engine.chunked_loss import chunked_loss
from paretune.engine.sharding import device_of
from paretune.methods import Objective
from paretune.spec import InputError


class AnsweredBatch(Protocol):
    """Examples with answers: what the loss asks of a batch."""

    @property
    def input_ids(self) -> Tensor:
        """Return token ids, int64, shape (batch, sequence)."""

    @property
    def answer_mask(self) -> Tensor:
        """Return which tokens the loss is taken on, bool, of the same shape."""

    @property
    def inputs(self) -> Mapping[str, Tensor]:
        """Return what the model is called with, by name."""


def answer_loss(model: nn.Module, batch: AnsweredBatch) -> Tensor:
    """Return the negative log-likelihood of the answers' tokens, summed, in nats.

    Takes logits only, not the loss that a method computes, so that losses are comparable between methods.
    """
    targets = picked(batch.input_ids[:, 1:], batch.answer_mask[:, 1:])
    return cross_entropy(answer_logits(model, batch).float(), targets, reduction="sum")


def answer_logits(model: nn.Module, batch: AnsweredBatch) -> Tensor:
    """Return the logits that predict the answers' tokens, shape (answer tokens of the batch, vocabulary)."""
    predicting = batch.answer_mask[:, 1:]
    with _only_where(model, predicting):
        output = model(**batch.inputs, use_cache=False)
    logits: Tensor = output.logits
    if logits.shape[0] == 1 and logits.shape[1] == int(predicting.sum()):
        return logits[0]
    return _pick(logits, predicting)  # a model without an output layer of its own, or one that keeps it elsewhere


def answer_loss_in_chunks(num_chunks: int) -> Objective:
    """Return `answer_loss` computed for a part of the answers' tokens at a time: equal but for rounding.

    So only one part's logits exist at once. The objective raises `InputError` for a model whose logits are not what its
    output layer returns.
    """
    return partial(_answer_loss_in_chunks, num_chunks=num_chunks)


def _answer_loss_in_chunks(model: nn.Module, batch: AnsweredBatch, *, num_chunks: int) -> Tensor:
    predicting = batch.answer_mask[:, 1:]
    targets = picked(batch.input_ids[:, 1:], predicting)
    layer = _output_layer(model)
    if layer is None:
        raise InputError(f"recipe: loss_chunks = {num_chunks} needs a model with an output layer; leave it out")
    losses: list[Tensor] = []
    returned: list[Any] = []

    def compute(module: nn.Module, inputs: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        hooks.pop().remove()  # the chunks go through the layer, too, here where the model's autocast holds
        losses.append(chunked_loss(module, _pick(inputs[0], predicting), targets, num_chunks))
        hooks.append(module.register_forward_hook(lambda module, inputs, output: returned.append(output)))  # noqa: ARG005
        return (inputs[0][:, :0], *inputs[1:])

    hooks = [layer.register_forward_pre_hook(compute)]
    try:
        output = model(**batch.inputs, use_cache=False)
    finally:
        for hook in hooks:
            hook.remove()
    if not losses or output.logits is not returned[-1]:
        raise InputError(
            f"recipe: loss_chunks = {num_chunks} needs a model whose logits are what its output layer returns, and "
            "this one changes them afterwards; leave it out"
        )
    return losses[0]


def validation_loss(model: nn.Module, batches: Iterable[Any], objective: Objective = answer_loss) -> float:
    """Return the mean loss per term over batches, such as per answer token in nats, in eval mode.

    The model's mode is put back.
    """
    was_training = model.training
    model.eval()
    device = device_of(model)
    total, count = 0.0, 0
    with torch.no_grad():
        for batch in batches:
            total += objective(model, batch.to(device)).item()
            count += batch.num_terms
    model.train(was_training)
    return total / count


@contextmanager
def _only_where(model: nn.Module, predicting: Tensor) -> Iterator[None]:
    """Let the output layer see the hidden states that predict an answer's token and no others."""
    layer = _output_layer(model)
    if getattr(model, "_compiled_call_impl", None) is not None:
        layer = None  # a hook that changes with every batch would have the model compiled anew each time
    if layer is None:
        yield
        return

    def pick(module: nn.Module, inputs: tuple[Tensor, ...]) -> tuple[Tensor, ...]:  # noqa: ARG001
        return (_pick(inputs[0], predicting).unsqueeze(0), *inputs[1:])

    hook = layer.register_forward_pre_hook(pick)
    try:
        yield
    finally:
        hook.remove()


def _output_layer(model: nn.Module) -> nn.Module | None:
    """Return the layer that computes logits, None for a model that does not name it."""
    bare: Any = getattr(model, "module", model)  # a data-parallel wrapper has no accessors of its own
    layer: nn.Module | None = bare.get_output_embeddings() if hasattr(bare, "get_output_embeddings") else None
    return layer


def _pick(states: Tensor, predicting: Tensor) -> Tensor:
    """Return rows of (batch, sequence, width) as (answer tokens, width). Virtual tokens at the front are skipped."""
    num_virtual = states.shape[1] - predicting.shape[1] - 1
    return picked(states[:, num_virtual:-1], predicting)
