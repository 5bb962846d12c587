"""A saved adapter read as plain LoRA: two matrices and a scale for each layer, and nothing else.

That is what servers compute. vLLM 0.33.0 (`vllm/lora/peft_helper.py`) and llama.cpp's converter of August 2026
(`convert_lora_to_gguf.py`) read only a few fields of `adapter_config.json`; what is set besides would be ignored there
or refused. The rules below are read against what was saved, before any server starts.
"""

import dataclasses
import json
import re
from collections.abc import Mapping
from math import sqrt
from pathlib import Path
from typing import Any, NamedTuple

from safetensors import safe_open
from torch import Tensor

from paretune.methods.checkpoint import reading, require_safetensors

_READ = {"r", "lora_alpha", "target_modules", "bias", "modules_to_save", "use_rslora", "use_dora"}
_READ |= {"lora_bias", "init_lora_weights", "rank_pattern", "alpha_pattern"}
_WITHOUT_EFFECT_ONCE_TRAINED = {
    *("task_type", "peft_type", "auto_mapping", "base_model_name_or_path", "peft_version", "revision"),
    *("inference_mode", "lora_dropout", "fan_in_fan_out", "runtime_config", "megatron_core"),
    *("exclude_modules", "layers_to_transform", "layers_pattern", "ensure_weight_tying", "qalora_group_size"),
    *("loftq_config", "eva_config", "corda_config", "lora_ga_config", "velora_config"),
}
"""They say which layers carry an adapter, which the file shows as well, or how it was trained or started."""
_KEEPS_THE_BASE = {"gaussian", "eva", "orthogonal", "mica", "lora_ga"}
"""Values of `init_lora_weights` that set matrices of the adapter only. Others change the base model when peft loads."""
_PREFIX, _RIGHT, _LEFT = "base_model.model.", ".lora_A.weight", ".lora_B.weight"
_OF_EMBEDDINGS = (".lora_embedding_A", ".lora_embedding_B")


class LoraLayer(NamedTuple):
    """What a LoRA adds to one layer's weight: `scale * left @ right`."""

    right: Tensor
    """lora_A, shape (rank, inputs)."""
    left: Tensor
    """lora_B, shape (outputs, rank)."""
    scale: float


def saved_config(folder: Path) -> dict[str, Any] | None:
    """Return the adapter's configuration in a checkpoint, or None where it holds a whole model."""
    file = folder / "adapter_config.json"
    if not file.exists():
        return None
    config: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return config


def broken_rule(config: Mapping[str, Any], folder: Path, *, embeddings: bool = False) -> str | None:
    """Return why a saved adapter is no plain LoRA, or None where it is one.

    `config` is its configuration. With `embeddings`, low ranks of an embedding are plain too. Where several reasons
    hold, the first is returned.
    """
    if config["peft_type"] != "LORA":
        return f"LoRA adapters only, not {config['peft_type']}"
    ignored, others = _ignored_fields(config), _other_weights(folder, _OF_EMBEDDINGS if embeddings else ())
    init = config.get("init_lora_weights")
    rules = {
        "no DoRA": config.get("use_dora"),
        "no trained bias": config.get("bias", "none") != "none" or config.get("lora_bias"),
        "no modules_to_save": config.get("modules_to_save"),
        f"init_lora_weights {init} changes the base model": (
            isinstance(init, str) and init.lower() not in _KEEPS_THE_BASE
        ),
        f"{', '.join(ignored)} would be ignored": ignored,
        f"weights other than lora_A and lora_B, such as {''.join(others[:1])}": others,
    }
    return next((rule for rule, broken in rules.items() if broken), None)


def ranks_of(config: Mapping[str, Any]) -> list[int]:
    """Return the ranks that a LoRA's configuration names, the general one first."""
    return [int(config["r"]), *map(int, (config.get("rank_pattern") or {}).values())]


def lora_layer_names(folder: Path) -> list[str]:
    """Return which layers a saved LoRA has, by the names of the base model's modules, in the order of these."""
    names = sorted(name.removesuffix(_RIGHT) for name in _weight_names(folder) if name.endswith(_RIGHT))
    return [name.removeprefix(_PREFIX) for name in names]


def plain_lora_layers(folder: Path) -> dict[str, LoraLayer]:
    """Return the layers of a saved LoRA by the names of the base model's modules, in the order of these.

    The checkpoint is one that `broken_rule` finds nothing wrong with. Raises `InputError` where it cannot be read.
    """
    require_safetensors(folder, "adapter_config.json", "*.safetensors")
    with reading(folder):
        config = saved_config(folder) or {}
        tensors = {name: tensor for file in sorted(folder.glob("*.safetensors")) for name, tensor in _tensors(file)}
        names = sorted(name.removesuffix(_RIGHT) for name in tensors if name.endswith(_RIGHT))
        layers = {}
        for name in names:
            right, left = tensors[name + _RIGHT], tensors[name + _LEFT]
            module = name.removeprefix(_PREFIX)
            layers[module] = LoraLayer(right, left, _scale(config, module, right.shape[0]))
    return layers


def _scale(config: Mapping[str, Any], module: str, rank: int) -> float:
    """Return the scale that peft gives a layer of some rank: its own alpha where alpha_pattern has one."""
    pattern = config.get("alpha_pattern") or {}
    alpha = next((value for key, value in pattern.items() if re.match(rf"(.*\.)?({key})$", module)), None)
    alpha = config["lora_alpha"] if alpha is None else alpha
    return float(alpha) / (sqrt(rank) if config.get("use_rslora") else rank)


def _ignored_fields(config: Mapping[str, Any]) -> list[str]:
    """Return the fields that are set, that change the outputs, and that no server reads."""
    from peft import LoraConfig

    defaults = {field.name: field.default for field in dataclasses.fields(LoraConfig)}
    ignored = set(config) - _READ - _WITHOUT_EFFECT_ONCE_TRAINED
    return sorted(name for name in ignored if config[name] and config[name] != defaults.get(name))


def _other_weights(folder: Path, known: tuple[str, ...]) -> list[str]:
    return sorted(name for name in _weight_names(folder) if not name.endswith((_RIGHT, _LEFT, *known)))


def _weight_names(folder: Path) -> list[str]:
    """Return the names of a checkpoint's tensors, of which none is read."""
    names: list[str] = []
    for file in sorted(folder.glob("*.safetensors")):
        with safe_open(file, framework="pt") as tensors:
            names += tensors.keys()
    return names


def _tensors(file: Path) -> list[tuple[str, Tensor]]:
    with safe_open(file, framework="pt") as tensors:
        return [(name, tensors.get_tensor(name)) for name in tensors.keys()]  # noqa: SIM118 (not a mapping)
