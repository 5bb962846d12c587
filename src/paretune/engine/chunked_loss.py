"""Cross-entropy of many tokens in chunks: the logits of one chunk are gone before those of the next are computed.

Gradients are computed along with the loss, as in fused linear cross-entropy (Liger Kernel, arXiv:2410.10989): no
product is computed twice. Here the layer is a module like any other, and an adapter on it is trained too.
"""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy


def chunked_loss(layer: nn.Module, states: Tensor, targets: Tensor, num_chunks: int) -> Tensor:
    """Return the cross-entropy of a layer's logits, summed over tokens, in float32 nats.

    `states` are the layer's inputs, of shape (tokens, width), and `targets` int64 of shape (tokens).
    """
    trained = [parameter for parameter in layer.parameters() if parameter.requires_grad]
    if torch.is_grad_enabled() and (states.requires_grad or trained):
        apply: Any = _ChunkedLoss.apply
        loss: Tensor = apply(layer, num_chunks, targets, states, *trained)
        return loss
    return torch.stack([_loss(layer, *chunk) for chunk in _chunks(states, targets, num_chunks)]).sum()


class _ChunkedLoss(torch.autograd.Function):
    """The loss, and its gradients with respect to states and trained parameters."""

    @staticmethod
    def forward(ctx: Any, layer: nn.Module, num_chunks: int, targets: Tensor, states: Tensor, *trained: Tensor) -> Any:
        """Compute both."""
        losses, of_states = [], []
        of_trained = [torch.zeros_like(parameter) for parameter in trained]
        for chunk, wanted in _chunks(states, targets, num_chunks):
            with torch.enable_grad():
                leaf = chunk.detach().requires_grad_()
                loss = _loss(layer, leaf, wanted)
            gradient, *others = torch.autograd.grad(loss, [leaf, *trained], materialize_grads=True)
            losses.append(loss.detach())
            of_states.append(gradient)
            for whole, part in zip(of_trained, others, strict=True):
                whole.add_(part)
        ctx.gradients = [torch.cat(of_states), *of_trained]
        return torch.stack(losses).sum()

    @staticmethod
    def backward(ctx: Any, *upstream: Tensor) -> Any:
        """Return them, times what comes after the loss. Called once: they are changed in place."""
        gradients: Sequence[Tensor] = ctx.gradients
        del ctx.gradients
        return (None, None, None, *(gradient.mul_(upstream[0]) for gradient in gradients))


def _loss(layer: nn.Module, states: Tensor, targets: Tensor) -> Tensor:
    # Of the form that the layer gets from the model: (batch, tokens, width).
    return cross_entropy(layer(states.unsqueeze(0))[0].float(), targets, reduction="sum")


def _chunks(states: Tensor, targets: Tensor, num_chunks: int) -> Any:
    """Return as many parts as that, empty ones too: in larger batches the same operations come in the same order."""
    return zip(states.tensor_split(num_chunks), targets.tensor_split(num_chunks), strict=True)
