"""CorDA (arXiv 2406.05223) and LoRA-GA (arXiv 2407.05000): starts taken out of the base weights, chosen by data.

Both are attached as plain LoRA and take their start when the training data is there. peft computes it on a model
without adapters; here its functions are pointed at the layers inside the adapters, which hold the same weights.
"""

import copy
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, ClassVar

import torch
from peft import LoraConfig
from peft.tuners.lora import LoraGAConfig, LoraLayer
from peft.tuners.lora.config import CordaConfig
from peft.tuners.lora.corda import preprocess_corda
from peft.tuners.lora.loraga import preprocess_loraga
from pydantic import PositiveInt
from torch import nn

from paretune.methods.base import Context
from paretune.methods.mutated_base import MutatedBase
from paretune.methods.peft import active_config, adapter_name
from paretune.methods.precision import keep_in_float32
from paretune.methods.start_from_data import first_batches, required_objective, single_texts


class Corda(MutatedBase):
    """Splits the weights by the covariance of their inputs over `start_batches` training batches, text by text."""

    own_parameters: ClassVar[Mapping[str, Any]] = {"start_batches": PositiveInt}

    def base_parameters(self, model: nn.Module, context: Context) -> dict[str, Any]:
        """Return a plain start, until there is data."""
        return {**super().base_parameters(model, context), "init_lora_weights": True}

    def before_training(self, model: nn.Module, context: Context, batches: Iterable[Any]) -> None:
        """Take the adapter out of the base weights."""
        objective = required_objective(self.spec, context)
        texts = single_texts(first_batches(self.spec, model, batches))
        config = _for_base_layers(model)
        config.corda_config = config.corda_config or CordaConfig()

        def run() -> None:
            for text in texts:
                objective(model, text)

        preprocess_corda(model, config, run_model=run)
        with torch.no_grad():
            for layer in _lora_layers(model):
                layer.corda_init(adapter_name(model), "corda")
        _settle(self, model, context)


class LoraGa(MutatedBase):
    """Starts in the directions of the first gradient, averaged over `start_batches` training batches."""

    own_parameters: ClassVar[Mapping[str, Any]] = {"start_batches": PositiveInt}

    def base_parameters(self, model: nn.Module, context: Context) -> dict[str, Any]:
        """Return a plain start, until there is data."""
        return {**super().base_parameters(model, context), "init_lora_weights": True}

    def before_training(self, model: nn.Module, context: Context, batches: Iterable[Any]) -> None:
        """Take the adapter out of the base weights."""
        objective = required_objective(self.spec, context)
        looked_at = first_batches(self.spec, model, batches)
        config = _for_base_layers(model)
        config.lora_ga_config = config.lora_ga_config or LoraGAConfig()

        def run() -> None:
            for batch in looked_at:
                (objective(model, batch) / batch.num_terms).backward()

        preprocess_loraga(model, config, run)
        with torch.no_grad():
            for layer in _lora_layers(model):
                layer.lora_ga_init(adapter_name(model), config.lora_ga_config)
        _settle(self, model, context)


def _for_base_layers(model: nn.Module) -> LoraConfig:
    """Return a copy of the adapter's config whose targets are the layers inside the adapters."""
    config = copy.copy(active_config(model))
    config.target_modules = r".*\.base_layer"
    config.exclude_modules = config.layers_to_transform = config.layers_pattern = None
    return config


def _lora_layers(model: nn.Module) -> Iterator[LoraLayer]:
    return (module for module in model.modules() if isinstance(module, LoraLayer))


def _settle(method: MutatedBase, model: nn.Module, context: Context) -> None:
    if context.recipe.trainable_dtype == "float32":
        keep_in_float32(model)
    method.keep_start(model)
