"""Training in float32 on a base model that is kept in 16 bits."""

import torch
from torch import nn


def train_in_float32(model: nn.Module) -> None:
    """Keep every trainable parameter in float32, in place. Small updates are lost in bfloat16.

    Where that mixes number formats in layers that do not expect it, the forward pass runs under autocast in the base's
    format. A model that is in float32 already is left as it is.
    """
    parameters = list(model.parameters())
    trainable = [parameter for parameter in parameters if parameter.requires_grad]
    low = [parameter for parameter in trainable if parameter.is_floating_point() and parameter.dtype != torch.float32]
    if not low:
        return
    base_dtype = low[0].dtype
    for parameter in low:
        parameter.data = parameter.data.float()
    # Assigned on the instance, so that generation and submodules that call the model see it as well.
    autocast = torch.autocast(low[0].device.type, dtype=base_dtype)
    setattr(model, "forward", autocast(model.forward))  # noqa: B010 (mypy refuses to assign a method)
