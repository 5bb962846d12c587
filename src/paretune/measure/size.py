"""Sizes that are simply there to be read: what the optimizer may change, and what lies on disk."""

from collections.abc import Collection, Iterator
from pathlib import Path

from torch import nn
from torch.optim import Optimizer

from paretune.methods.heads import is_of_head


def trainable_parameters(optimizer: Optimizer) -> int:
    """Return how many numbers the optimizer may change. Shared parameters count once, frozen ones not at all."""
    return sum(parameter.numel() for parameter in _trainable(optimizer))


def head_parameters(model: nn.Module, optimizer: Optimizer, head: Collection[str]) -> int:
    """Return how many of the numbers that the optimizer may change are of the modules that `head` names."""
    updated = {id(parameter) for parameter in _trainable(optimizer)}
    return sum(
        parameter.numel()
        for name, parameter in model.named_parameters()
        if id(parameter) in updated and is_of_head(name, head)
    )


def dtypes(optimizer: Optimizer) -> tuple[str, ...]:
    """Return the dtypes of the parameters that the optimizer may change, such as ("float32",), sorted."""
    return tuple(sorted({str(parameter.dtype).removeprefix("torch.") for parameter in _trainable(optimizer)}))


def folder_bytes(folder: Path) -> int:
    """Return the bytes of all files in a folder and its subfolders."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def _trainable(optimizer: Optimizer) -> Iterator[nn.Parameter]:
    seen: set[int] = set()
    for group in optimizer.param_groups:
        for parameter in group["params"]:
            if parameter.requires_grad and id(parameter) not in seen:
                seen.add(id(parameter))
                yield parameter
