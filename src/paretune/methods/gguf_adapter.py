"""A LoRA as the GGUF file that llama.cpp, and what is built on it, loads next to a base model.

The layout is that of llama.cpp's `convert_lora_to_gguf.py` of August 2026: tensors `NAME.lora_a` and `NAME.lora_b`,
named as the base model's own in GGUF, and one alpha, which llama.cpp divides by each layer's rank. A scale that is
another one (of rsLoRA, or of an alpha of the layer's own) is multiplied into `lora_b`.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import gguf
import numpy as np
from torch import Tensor

from paretune.methods.plain_lora import LoraLayer, broken_rule, lora_layer_names

LLAMA_CPP = "llama.cpp b11549"
"""The version that was tried."""
ARCHITECTURES = {"llama": "llama", "mistral": "llama", "qwen2": "qwen2", "qwen3": "qwen3"}
"""What llama.cpp calls a `model_type` of transformers, of those whose layers are known here to come out right."""
_ROTATES_PAIRS = {"llama"}
"""llama.cpp rotates neighbouring values of queries and keys in these; transformers rotates halves."""


def not_for_llama_cpp(config: Mapping[str, Any], folder: Path, model_config: Mapping[str, Any]) -> str | None:
    """Return why a saved adapter cannot be written for llama.cpp, or None.

    `config` is its configuration, `model_config` that of its base model.
    """
    model_type = model_config.get("model_type")
    if model_type not in ARCHITECTURES:
        return f"base models of the types {', '.join(ARCHITECTURES)} only, not {model_type}"
    if broken := broken_rule(config, folder):
        return broken
    names, layers = _names(model_config), lora_layer_names(folder)
    unknown = [layer for layer in layers if names.get_name(layer) is None]
    if unknown:
        return f"{unknown[0]} has no name in GGUF"
    if model_config.get("tie_word_embeddings") and "lm_head" in layers:
        return "lm_head is the input embedding of this base model, and has no place of its own in GGUF"
    return None


def write_gguf_adapter(
    layers: Mapping[str, LoraLayer], model_config: Mapping[str, Any], label: str, file: Path
) -> None:
    """Write a LoRA in float32 as one GGUF file. Its base model is one that `not_for_llama_cpp` finds fit."""
    architecture = ARCHITECTURES[model_config["model_type"]]
    writer = gguf.GGUFWriter(file, architecture)
    writer.add_type(gguf.GGUFType.ADAPTER)
    writer.add_name(label)
    writer.add_string(gguf.Keys.Adapter.TYPE, "lora")
    first = next(iter(layers.values()))
    alpha = first.scale * first.right.shape[0] or 1.0  # an alpha of 0 means a scale of 1 to llama.cpp
    writer.add_float32(gguf.Keys.Adapter.LORA_ALPHA, alpha)
    for name, array in gguf_tensors(layers, model_config, alpha):
        writer.add_tensor(name, array)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def gguf_tensors(
    layers: Mapping[str, LoraLayer], model_config: Mapping[str, Any], alpha: float
) -> Iterator[tuple[str, np.ndarray[Any, Any]]]:
    """Yield the tensors of a LoRA by their names in GGUF: lora_a (rank, inputs) and lora_b (outputs, rank), float32."""
    names = _names(model_config)
    for layer, (right, left, scale) in layers.items():
        factor = scale * right.shape[0] / alpha
        of_outputs = as_in_gguf(left.float(), layer, model_config) * factor
        name = f"{names.get_name(layer)}.weight"
        yield f"{name}.lora_a", right.float().contiguous().numpy()
        yield f"{name}.lora_b", of_outputs.contiguous().numpy()


def as_in_gguf(weight: Tensor, layer: str, model_config: Mapping[str, Any]) -> Tensor:
    """Return a weight, or the left factor of its change, with its outputs in the order of GGUF.

    For queries and keys of Llama the two halves of each head are interleaved.
    """
    kind = layer.rpartition(".")[2]
    rotated = ARCHITECTURES[model_config["model_type"]] in _ROTATES_PAIRS
    if not rotated or kind not in {"q_proj", "k_proj"}:
        return weight
    queries = int(model_config["num_attention_heads"])
    heads = queries if kind == "q_proj" else int(model_config.get("num_key_value_heads") or queries)
    halves = weight.reshape(heads, 2, weight.shape[0] // heads // 2, *weight.shape[1:])
    return halves.transpose(1, 2).reshape(weight.shape)


def _names(model_config: Mapping[str, Any]) -> Any:
    """Return the map of a base model's names to those of GGUF."""
    architecture = ARCHITECTURES[model_config["model_type"]]
    kind = next(kind for kind, name in gguf.MODEL_ARCH_NAMES.items() if name == architecture)
    return gguf.get_tensor_name_map(kind, int(model_config["num_hidden_layers"]))
