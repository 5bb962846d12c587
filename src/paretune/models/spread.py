"""A model on as few accelerators as hold it: whole layers on each, one after another.

Of use where a model answers that no single accelerator holds. Training shards instead (`paretune.engine.sharding`).
"""

from collections.abc import Sequence
from typing import Any

from torch import nn

from paretune.models.hardware import default_device
from paretune.models.quantisation import is_quantised

_FOR_WEIGHTS = 0.8
"""The share of an accelerator's memory that weights may take. The rest is for the cache of keys and values, logits, and
what the allocator holds."""


def spread(model: nn.Module) -> nn.Module:
    """Return the model where it answers: on one accelerator if that holds it, else over as few as do.

    Without an accelerator it stays in main memory, and a quantised one stays where it is. Raises
    `torch.OutOfMemoryError` where all together hold too little.
    """
    import torch

    if is_quantised(model):
        return model  # it lies on its device since it was loaded
    device = default_device()
    if device.type != "cuda" or torch.cuda.device_count() == 1:
        return model.to(device)
    sizes = [torch.cuda.get_device_properties(place).total_memory for place in range(torch.cuda.device_count())]
    return placed(model, device_map(model, sizes))


def device_map(model: nn.Module, sizes: Sequence[int]) -> dict[str, int]:
    """Return the accelerator of each part of a model, by the parts' names: no more accelerators than it takes.

    `sizes` are their bytes of memory, in their order. Blocks are never split. Raises `torch.OutOfMemoryError` where all
    together hold too little.
    """
    import torch
    from accelerate import infer_auto_device_map

    whole = list(getattr(model, "_no_split_modules", None) or ())
    for number in range(1, len(sizes) + 1):
        room: Any = {place: int(_FOR_WEIGHTS * size) for place, size in enumerate(sizes[:number])}
        found = infer_auto_device_map(model, max_memory=room, no_split_module_classes=whole)
        if all(isinstance(place, int) for place in found.values()):
            return dict(found)
    taken = sum(parameter.nbytes for parameter in model.parameters())
    raise torch.OutOfMemoryError(
        f"the weights take {taken / 1e9:.0f} GB, and {_FOR_WEIGHTS:.0%} of the memory of these {len(sizes)} "
        f"accelerators is {_FOR_WEIGHTS * sum(sizes) / 1e9:.0f} GB; more devices or a smaller base model are needed"
    )


def placed(model: nn.Module, places: dict[str, int], device_type: str = "cuda") -> nn.Module:
    """Return the model with each part on its accelerator, taking inputs on the first one and giving outputs there."""
    from accelerate import dispatch_model

    by_name = {part: f"{device_type}:{place}" for part, place in places.items()}
    moved: nn.Module = dispatch_model(model, device_map=by_name)
    return moved


def is_spread(model: nn.Module) -> bool:
    """Tell whether a model, or the base of an adapted one, lies on several accelerators."""
    return len(set((getattr(model, "hf_device_map", None) or {}).values())) > 1
