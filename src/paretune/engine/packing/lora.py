"""LoRA of several trials in one layer: the base's product once over all rows, the low ranks as batched products."""

from collections.abc import Sequence
from typing import Any

import torch
from peft.tuners.lora.layer import Linear
from torch import Tensor, nn

from paretune.engine.packing.sharing import storage_of


def is_plain_lora(layers: Sequence[nn.Module]) -> bool:
    """Tell whether all are LoRA as published, of one rank and scale, on the same weights, without dropout or bias."""
    if not all(type(layer) is Linear for layer in layers):
        return False
    return all(_is_plain(layer) for layer in layers) and len({_shape(layer) for layer in layers}) == 1


def grouped_lora(layers: Sequence[Any], rows: Tensor) -> Tensor:
    """Return what the layers give for their rows, in one go.

    `rows` has the shape (rows, ..., in), with as many rows for each layer; what is returned ends in (out). Each layer
    computes `base(x) + (x A^T) B^T * scaling`, as peft's does.
    """
    base = layers[0].base_layer(rows)
    names = [layer.active_adapters[0] for layer in layers]
    first = torch.stack([layer.lora_A[name].weight for layer, name in zip(layers, names, strict=True)])
    second = torch.stack([layer.lora_B[name].weight for layer, name in zip(layers, names, strict=True)])
    groups = rows.reshape(len(layers), -1, rows.shape[-1]).to(first.dtype)
    low = torch.bmm(groups, first.mT)
    added = torch.bmm(low, second.mT) * layers[0].scaling[names[0]]
    result: Tensor = (base + added.reshape(base.shape)).to(base.dtype)
    return result


def _is_plain(layer: Any) -> bool:
    if len(layer.active_adapters) != 1 or layer.merged or layer.disable_adapters:
        return False
    name = layer.active_adapters[0]
    return (
        type(layer.base_layer) is nn.Linear
        and name in layer.lora_A
        and name not in layer.lora_variant
        and isinstance(layer.lora_dropout[name], nn.Identity)
        and layer.lora_B[name].bias is None
        and layer.lora_A[name].bias is None
    )


def _shape(layer: Any) -> tuple[int, torch.Size, torch.dtype, float]:
    name = layer.active_adapters[0]
    weight = layer.lora_A[name].weight
    return storage_of(layer.base_layer.weight), weight.shape, weight.dtype, layer.scaling[name]
