"""Training in float32 on a base model that is kept in 16 bits."""

import weakref
from collections.abc import Callable
from functools import wraps
from typing import Any

import torch
from peft.tuners.tuners_utils import BaseTunerLayer
from torch import Tensor, nn

_FORMATS = "_formats_before_training"


def keep_in_float32(model: nn.Module) -> torch.dtype | None:
    """Turn every trainable parameter into float32, in place. Small updates are lost in bfloat16.

    Returns the format that the first of them had before, or None where all were in float32 already.
    """
    trainable = [parameter for parameter in model.parameters() if parameter.requires_grad]
    low = [parameter for parameter in trainable if parameter.is_floating_point() and parameter.dtype != torch.float32]
    if not low:
        return None
    found = low[0].dtype
    formats = model.__dict__.setdefault(_FORMATS, [])  # weak, for a method may replace what it trains
    formats += [(weakref.ref(parameter), parameter.dtype) for parameter in low]
    for parameter in low:
        parameter.data = parameter.data.float()
    return found


def train_in_float32(model: nn.Module) -> None:
    """Keep every trainable parameter in float32 and let the forward pass run with it, in place.

    Where that mixes dtypes in layers that do not expect it, the forward pass runs under autocast in the base's
    format. A model that is in float32 already is left as it is.
    """
    base_dtype = keep_in_float32(model)
    if base_dtype is None:
        return
    # Assigned on the instance, so that generation and submodules that call the model see it as well.
    setattr(model, "forward", _under_autocast(model, base_dtype))  # noqa: B010 (mypy refuses to assign a method)


def _under_autocast(model: nn.Module, dtype: torch.dtype) -> Callable[..., Any]:
    """Return a model's forward pass under autocast on the device of its inputs: it may not be there yet."""
    forward = model.forward

    @wraps(forward)
    def run(*arguments: Any, **named: Any) -> Any:
        tensors = (value for value in (*arguments, *named.values()) if isinstance(value, Tensor))
        device = next(tensors, next(model.parameters())).device
        with torch.autocast(device.type, dtype=dtype):
            return forward(*arguments, **named)

    return run


def keep_dtype_of_activations(model: nn.Module) -> None:
    """Let every adapted linear layer of a quantised base model give its output in the dtype of its input, in place.

    Plain layers of a base in 16 bits cannot do otherwise. A quantised one computes in what it is given: where an
    adapter in float32 turns the input into float32 (IA3, RoAd), the output stays so, and the next operation meets two
    dtypes. transformers marks a quantised model with `is_quantized`.
    """
    if not getattr(model, "is_quantized", False):
        return
    for layer in model.modules():
        if isinstance(layer, BaseTunerLayer) and isinstance(layer.get_base_layer(), nn.Linear):
            layer.register_forward_hook(_in_dtype_of_input)


def _in_dtype_of_input(layer: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> Tensor:  # noqa: ARG001
    return output.to(inputs[0].dtype)


def as_loaded(model: nn.Module) -> None:
    """Put back in place what training in float32 changed: such is the model once it was saved and loaded again."""
    model.__dict__.pop("forward", None)
    for kept, dtype in model.__dict__.pop(_FORMATS, ()):
        parameter = kept()
        if parameter is not None:
            parameter.data = parameter.data.to(dtype)
