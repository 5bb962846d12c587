"""What an image-text model needs behind a prefix of keys and values, and what peft leaves out.

Classes that let a picture's tokens look at each other in both directions are told by `token_type_ids` which tokens
these are. peft drops them; here they reach the model, lengthened by the prefix. Classes with positions in three
dimensions work them out only before a first token is in the cache; here they are worked out for the text as it is, and
moved behind the prefix, as peft moves other positions.
"""

from typing import Any

import torch
from peft import PeftModel
from torch import Tensor, nn

_TYPES = "token_type_ids"


def reads_pictures(model: nn.Module) -> bool:
    """Tell whether a model of transformers takes pictures."""
    return "image" in getattr(model, "input_modalities", ())


def let_pictures_follow(wrapped: PeftModel, num_virtual: int) -> None:
    """Give an image-text model under prefix tuning what it needs in training and in generation, in place."""
    base: Any = wrapped.get_base_model()
    waiting: list[Tensor] = []

    def take_types(module: nn.Module, args: Any, kwargs: dict[str, Any]) -> Any:  # noqa: ARG001
        waiting.clear()
        if (types := kwargs.pop(_TYPES, None)) is not None:
            waiting.append(types)
        return args, kwargs

    def give_types_and_positions(module: nn.Module, args: Any, kwargs: dict[str, Any]) -> Any:  # noqa: ARG001
        if waiting:
            kwargs[_TYPES] = _behind(waiting.pop(), num_virtual)
        if hasattr(base.model, "get_rope_index") and kwargs.get("position_ids") is None:
            kwargs["position_ids"] = _positions(base.model, kwargs, num_virtual)
        return args, kwargs

    wrapped.register_forward_pre_hook(take_types, with_kwargs=True)
    base.register_forward_pre_hook(give_types_and_positions, with_kwargs=True)
    prepare_as_peft = wrapped.prepare_inputs_for_generation

    def prepare(*args: Any, **kwargs: Any) -> Any:
        types, cache = kwargs.pop(_TYPES, None), kwargs.get("past_key_values")
        first = cache is None or not cache.get_seq_length()
        inputs = prepare_as_peft(*args, **kwargs)
        if first and types is not None:
            inputs[_TYPES] = _behind(types, num_virtual)
        return inputs

    wrapped.prepare_inputs_for_generation = prepare


def _behind(types: Tensor, num_virtual: int) -> Tensor:
    """Return token types, shape (batch, sequence), with those of the prefix before them: it is text."""
    return torch.cat([types.new_zeros(len(types), num_virtual), types], dim=1)


def _positions(model: Any, kwargs: dict[str, Any], num_virtual: int) -> Tensor | None:
    """Return positions in three dimensions, shape (3, batch, sequence); None where there is no picture."""
    model.rope_deltas = None  # of an earlier batch, which the model would take for this one's
    if kwargs.get("image_grid_thw") is None:
        return None
    mask = kwargs.get("attention_mask")
    positions: Tensor
    positions, _ = model.get_rope_index(
        kwargs["input_ids"],
        image_grid_thw=kwargs["image_grid_thw"],
        attention_mask=None if mask is None else mask[:, num_virtual:],
        mm_token_type_ids=kwargs.get("mm_token_type_ids"),
    )
    return positions + num_virtual
