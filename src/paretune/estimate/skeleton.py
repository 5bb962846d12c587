"""A model built from its shape with fake tensors: all its parameters, none of their bytes."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn

from paretune.estimate.quantised import layout_for, quantise, without_quantisation
from paretune.estimate.settings import EstimateSettings
from paretune.models import ModelShape
from paretune.spec import InputError, one_line

_CLASSES = 2
"""Labels of an encoder's classification head."""


def build_skeleton(shape: ModelShape, settings: EstimateSettings, device: torch.device) -> nn.Module:
    """Return the model in evaluation mode on `device`, with weights in the recipe's format.

    Raises `InputError` for a configuration that the libraries refuse, or that is quantised in an unknown layout.
    """
    dtype: torch.dtype = getattr(torch, settings.recipe.dtype)
    layout = layout_for(shape, settings)
    make = {"causal-lm": _language, "encoder": _encoder, "diffusion": _diffusion}[shape.kind]
    try:
        with device, _quietly():
            model: nn.Module = make(without_quantisation(shape.config), dtype)
    except (ValueError, TypeError, KeyError, AttributeError, OSError, RuntimeError, ImportError) as error:
        raise InputError(f'model "{shape.name}": {shape.source} cannot be built: {one_line(error)[:200]}') from None
    if layout is not None:
        quantise(model, layout)
    return model.eval()


def _config(config: dict[str, Any]) -> Any:
    from transformers.models.auto.configuration_auto import CONFIG_MAPPING

    if config["model_type"] not in CONFIG_MAPPING:
        raise ValueError(f'transformers does not know the model_type "{config["model_type"]}"')
    return CONFIG_MAPPING[config["model_type"]].from_dict(config)


def _language(config: dict[str, Any], dtype: torch.dtype) -> Any:
    from transformers import AutoModelForCausalLM, GenerationConfig

    model = AutoModelForCausalLM.from_config(_config(config), dtype=dtype, attn_implementation="sdpa")
    # As for models that are loaded: no decoding settings of its own.
    model.generation_config = GenerationConfig(bos_token_id=0, eos_token_id=0, pad_token_id=0)
    return model


def _encoder(config: dict[str, Any], dtype: torch.dtype) -> Any:
    from transformers import AutoModelForSequenceClassification

    parsed = _config({**config, "num_labels": _CLASSES})
    return AutoModelForSequenceClassification.from_config(parsed, dtype=dtype, attn_implementation="sdpa")


def _diffusion(config: dict[str, Any], dtype: torch.dtype) -> Any:
    import diffusers

    model_class = getattr(diffusers, config["_class_name"], None)
    if model_class is None:
        raise ValueError(f'diffusers has no class "{config["_class_name"]}"')
    return model_class.from_config(config).to(dtype)


@contextmanager
def _quietly() -> Iterator[None]:
    """Keep the libraries' remarks on keys that they do not know away from the person."""
    from transformers.utils import logging

    before = logging.get_verbosity()
    logging.set_verbosity_error()
    try:
        yield
    finally:
        logging.set_verbosity(before)
