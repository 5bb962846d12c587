"""Copies of a base model that share its weights, so that several trials hold them once."""

import copy
from typing import Any

import torch
from torch import nn


class NotPackable(ValueError):
    """These trials cannot be trained in one pass; the message says why. Each can still be trained alone."""


def sharing_copy(model: nn.Module) -> nn.Module:
    """Return the same tree of modules with parameters of its own over the same storage. Buffers are the same tensors.

    A method that replaces a weight's `data` changes the copy alone; `weight_sums` shows one that writes into it.
    Raises `NotPackable` for weights that are no plain parameters, such as quantised ones.
    """
    memo: dict[int, Any] = {id(buffer): buffer for buffer in model.buffers()}
    for name, parameter in model.named_parameters():
        if type(parameter) is not nn.Parameter:
            raise NotPackable(f"the base model's {name} is a {type(parameter).__name__}, which cannot be shared")
        memo[id(parameter)] = nn.Parameter(parameter.data, requires_grad=parameter.requires_grad)
    return copy.deepcopy(model, memo)


def weight_sums(model: nn.Module) -> list[float]:
    """Return the sum of every parameter's values: another one where something was written into them."""
    sums = [parameter.detach().sum(dtype=torch.float64) for parameter in model.parameters()]
    return torch.stack(sums).tolist() if sums else []


def storage_of(parameter: torch.Tensor) -> int:
    """Return what is equal for parameters that share their values."""
    return parameter.untyped_storage().data_ptr()
