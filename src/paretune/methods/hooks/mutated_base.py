"""LoRA that takes its start out of the base weights: PiSSA (arXiv 2404.02948), OLoRA (arXiv 2406.01775) and others.

After training, W_res + s B A is the layer, with W_res = W - s B0 A0. The base that a user has is W. So what is saved is
the plain LoRA that leads from W to the same layer: W + s (B A - B0 A0), two matrices of twice the rank.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from peft import get_peft_model_state_dict
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from paretune.methods.base import Context
from paretune.methods.peft import Peft
from paretune.spec import InputError, MethodSpec


class MutatedBase(Peft):
    """Keeps the initial matrices, in the host's memory, until the adapter is saved as plain LoRA."""

    def __init__(self, spec: MethodSpec) -> None:
        super().__init__(spec)
        self._initial: dict[str, Tensor] = {}

    def wrap(self, model: nn.Module, context: Context) -> nn.Module:
        """Return the model with the adapter attached and the base weights reduced by it."""
        wrapped = super().wrap(model, context)
        self.keep_start(wrapped)
        return wrapped

    def keep_start(self, model: nn.Module) -> None:
        """Remember the adapter as it is now. What it holds has been taken out of the base weights."""
        state: dict[str, Tensor] = get_peft_model_state_dict(model, save_embedding_layers=False)
        self._initial = {name: tensor.detach().to("cpu", copy=True) for name, tensor in state.items()}

    def save(self, model: nn.Module, folder: Path) -> None:
        """Write a plain LoRA adapter for the base model."""
        super().save(model, folder)
        weights, config_file = folder / "adapter_model.safetensors", folder / "adapter_config.json"
        trained = load_file(weights)
        save_file({name: _joined(name, tensor, self._initial[name]) for name, tensor in trained.items()}, weights)
        config: dict[str, Any] = json.loads(config_file.read_text(encoding="utf-8"))
        # The scale, alpha / r or alpha / sqrt(r), stays what it was.
        config["lora_alpha"] *= 2**0.5 if config["use_rslora"] else 2
        config |= {"r": 2 * config["r"], "init_lora_weights": True, "corda_config": None, "lora_ga_config": None}
        config_file.write_text(json.dumps(config, indent=2, sort_keys=True) + "\n", encoding="utf-8")

    @classmethod
    def check(cls, spec: MethodSpec, module_names: Sequence[str]) -> None:
        """Also refuse what cannot be written as plain LoRA of one rank."""
        super().check(spec, module_names)
        for name in ("rank_pattern", "alpha_pattern", "use_dora"):
            if spec.parameters.get(name):
                start = spec.parameters.get("init_lora_weights")
                raise InputError(f'method "{spec.label}": {name} does not go with init_lora_weights = "{start}"')


def _joined(name: str, trained: Tensor, initial: Tensor) -> Tensor:
    if "lora_A" in name:
        return torch.cat([trained, initial.to(trained)], dim=0)
    if "lora_B" in name:
        return torch.cat([trained, -initial.to(trained)], dim=1)
    return trained
