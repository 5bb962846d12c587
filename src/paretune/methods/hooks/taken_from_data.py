"""CorDA (arXiv 2406.05223) and LoRA-GA (arXiv 2407.05000): starts taken out of the base weights, chosen by data.

Both are attached as plain LoRA and take their start when the training data is there. peft computes it on a model
without adapters; here its functions are pointed at the layers inside the adapters, which hold the same weights.
"""

import copy
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, ClassVar

import torch
from peft import LoraConfig
from peft.tuners.lora import LoraGAConfig, LoraLayer
from peft.tuners.lora.config import CordaConfig
from peft.tuners.lora.corda import preprocess_corda, target_modules
from peft.tuners.lora.loraga import preprocess_loraga
from pydantic import PositiveInt
from torch import Tensor, nn

from paretune.methods.base import Context, Objective
from paretune.methods.hooks.mutated_base import MutatedBase
from paretune.methods.hooks.start_from_data import first_batches, required_objective, text_rows
from paretune.methods.peft import active_config, adapter_name
from paretune.methods.precision import keep_in_float32


class TakenFromData(MutatedBase):
    """Looks at `start_batches` training batches before it takes its start out of the base weights."""

    own_parameters: ClassVar[Mapping[str, Any]] = {"start_batches": PositiveInt}

    def base_parameters(self, model: nn.Module, context: Context) -> dict[str, Any]:
        """Return a plain start, until there is data."""
        return {**super().base_parameters(model, context), "init_lora_weights": True}


class Corda(TakenFromData):
    """Splits the weights by the covariance of their inputs."""

    def before_training(self, model: nn.Module, context: Context, batches: Iterable[Any]) -> None:
        """Take the adapter out of the base weights."""
        objective = required_objective(self.spec, context)
        looked_at = first_batches(self.spec, model, batches)
        config = _for_base_layers(model)
        config.corda_config = config.corda_config or CordaConfig()
        model.eval()
        # peft's own measuring takes texts without padding, one by one, and no layer that sees one vector a text. So it
        # is given a model without layers to look at, and finds what it wants when `run` is over.
        preprocess_corda(
            model,
            config,
            run_model=lambda: _measure_covariance(model, config, objective, looked_at),
            hooked_model=nn.Identity(),
        )
        with torch.no_grad():
            for layer in _lora_layers(model):
                layer.corda_init(adapter_name(model), "corda")
        _settle(self, model, context)


class LoraGa(TakenFromData):
    """Starts in the directions of the first gradient."""

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


def _measure_covariance(model: nn.Module, config: LoraConfig, objective: Objective, batches: Sequence[Any]) -> None:
    """Give every layer inside an adapter the sum of its inputs' covariances, and the number of batches in it."""
    layers: list[Any] = [layer for _, layer in target_modules(model, config)]
    for layer in layers:
        layer.sample_count, layer.covariance_matrix = 0, 0
    for batch in batches:

        def look(layer: Any, inputs: tuple[Tensor, ...], batch: Any = batch) -> None:
            rows = text_rows(inputs[0], batch).float()
            rows = rows / rows.abs().max()
            layer.sample_count += 1
            layer.covariance_matrix += rows.T @ rows

        hooks = [layer.register_forward_pre_hook(look) for layer in layers]
        objective(model, batch)
        for hook in hooks:
            hook.remove()


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
