"""Base models with random weights from a bundled config, in bfloat16 or quantised, and copies that share them."""

import copy
import gc
from typing import Any, NamedTuple

import torch
from torch import nn

from paretune.models import find_shape
from paretune.models.progress import without_bars, without_remarks
from paretune.models.quantisation import loading_settings
from paretune.models.shapes import config_object
from paretune.spec import Recipe

_SPREAD = 0.02


class Base(NamedTuple):
    """A base model on its device that is never trained or run itself."""

    model: Any
    allocated_bytes: int | None
    """Of a GPU's allocator, with nothing else on it; None on a CPU."""
    reserved_bytes: int | None

    @property
    def words(self) -> str:
        """What it takes, in words."""
        if self.allocated_bytes is None or self.reserved_bytes is None:
            return "base loaded"
        return f"base {self.allocated_bytes / 1e9:.2f} GB allocated, {self.reserved_bytes / 1e9:.2f} GB reserved"

    def copy(self) -> Any:
        """Return a model that shares every weight, also packed ones and their scales, and has modules of its own."""
        memo: dict[int, Any] = {id(buffer): buffer for buffer in self.model.buffers()}
        for parameter in self.model.parameters():
            memo[id(parameter)] = _shared(parameter)
            scales = getattr(parameter, "quant_state", None)
            if scales is not None:
                memo[id(scales)] = scales
        return copy.deepcopy(self.model, memo)


def _shared(parameter: nn.Parameter) -> nn.Parameter:
    """Return a frozen parameter with the same storage."""
    match type(parameter).__name__:
        case "Params4bit":
            return parameter  # nothing of it changes in training
        case "Int8Params":  # the first pass takes the scales off the parameter
            packed: Any = parameter
            same: Any = type(packed)
            return same(packed.data, requires_grad=False, CB=packed.CB, SCB=packed.SCB)  # type: ignore[no-any-return]
        case _:
            return nn.Parameter(parameter.data, requires_grad=False)


def load_base(model: str, form: str, device: str) -> Base:
    """Return a base model in "bfloat16", or with linear layers in a format of bitsandbytes, in evaluation mode.

    transformers loads it as it loads a model's files: weights come from main memory and are quantised one by one.
    """
    from transformers import AutoModelForCausalLM

    config = config_object(find_shape(model).config, dtype="bfloat16")
    recipe = Recipe.read({"dtype": "bfloat16", "quantisation": None if form == "bfloat16" else form}, "quantised")
    settings = {"device_map": {"": torch.device(device)}, **loading_settings(recipe.quantised, None)}
    with without_bars(), without_remarks():
        with torch.device("meta"):
            outline = AutoModelForCausalLM.from_config(config)
        loaded = type(outline).from_pretrained(
            None,
            config=config,
            state_dict=_weights(outline, device),
            dtype=torch.bfloat16,
            attn_implementation="sdpa",
            **settings,
        )
    loaded.requires_grad_(requires_grad=False)
    gc.collect()
    if device == "cpu":
        return Base(loaded.eval(), None, None)
    torch.cuda.empty_cache()
    return Base(loaded.eval(), torch.cuda.memory_allocated(), torch.cuda.memory_reserved())


def _weights(outline: nn.Module, device: str) -> dict[str, torch.Tensor]:
    """Return random weights in main memory by name, on a GPU's machine the same for all parameters of one shape."""
    drawn: dict[torch.Size, torch.Tensor] = {}
    weights = {}
    for name, parameter in outline.named_parameters():
        shape = parameter.shape
        if shape not in drawn:  # a GPU draws faster
            values = torch.randn(shape, device=device, dtype=torch.bfloat16) * _SPREAD
            drawn[shape] = torch.ones_like(values).cpu() if len(shape) == 1 else values.cpu()
        weights[name] = drawn[shape].clone() if device == "cpu" else drawn[shape]
    return weights
