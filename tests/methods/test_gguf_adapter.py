"""LoRA as GGUF: what is in the file, and what llama.cpp computes with it where `xllamacpp` is installed."""

from pathlib import Path
from typing import Any

import gguf
import numpy as np
import pytest
import torch
from peft import LoraConfig, PeftModel, get_peft_model
from torch import Tensor, nn
from transformers import LlamaForCausalLM, Qwen2Config, Qwen2ForCausalLM, Qwen3Config, Qwen3ForCausalLM

from benchmarks.llama_cpp import LlamaCpp, write_gguf_model
from paretune.methods.gguf_adapter import as_in_gguf, write_gguf_adapter
from paretune.methods.plain_lora import plain_lora_layers
from paretune.models.toy import toy_model, toy_tokenizer

SPREAD = 0.1
"""Of the weights: attention then depends on positions, as in a trained model."""
SIZES: dict[str, Any] = {
    "vocab_size": 100, "hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 2, "num_attention_heads": 4,
    "num_key_value_heads": 2, "head_dim": 16, "max_position_embeddings": 256, "initializer_range": SPREAD,
    "tie_word_embeddings": False,
}  # fmt: skip


def saved_lora(model: Any, folder: Path, **settings: Any) -> Any:
    """Attach a LoRA with random weights on all layers, save it, and return the model with it."""
    config = LoraConfig(**({"r": 4, "lora_alpha": 8, "target_modules": "all-linear"} | settings))
    adapted = get_peft_model(model, config).eval()
    torch.manual_seed(1)
    with torch.no_grad():
        for name, parameter in adapted.named_parameters():
            if "lora_" in name:
                parameter.normal_(std=0.2)
    adapted.save_pretrained(str(folder))
    return adapted


def base_model(kind: str) -> Any:
    torch.manual_seed(0)
    if kind == "llama":
        return toy_model(SPREAD)
    if kind == "qwen2":
        return Qwen2ForCausalLM(Qwen2Config(**SIZES)).eval()
    return Qwen3ForCausalLM(Qwen3Config(**SIZES)).eval()


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"use_rslora": True},
        {"rank_pattern": {"layers.0.self_attn.q_proj": 2}, "alpha_pattern": {"v_proj": 3}},
    ],
)
def test_the_file_holds_the_change_of_each_weight_as_llama_cpp_scales_it(
    settings: dict[str, Any], tmp_path: Path
) -> None:
    base = toy_model(SPREAD)
    before = {name: value.clone() for name, value in base.state_dict().items()}
    config = base.config.to_dict()
    tuned: nn.Module = saved_lora(base, tmp_path / "lora", **settings).merge_and_unload()
    write_gguf_adapter(plain_lora_layers(tmp_path / "lora"), config, "x", tmp_path / "adapter.gguf")
    reader = gguf.GGUFReader(tmp_path / "adapter.gguf")
    assert {name: reader.get_field(name).contents() for name in ("general.type", "adapter.type")} == {
        "general.type": "adapter",
        "adapter.type": "lora",
    }
    assert reader.get_field("general.architecture").contents() == "llama"
    alpha = reader.get_field("adapter.lora.alpha").contents()
    tensors = {tensor.name: tensor.data for tensor in reader.tensors}
    names = gguf.get_tensor_name_map(gguf.MODEL_ARCH.LLAMA, 2)
    layers = [name.removesuffix(".weight") for name in before if "_proj" in name]
    assert len(tensors) == 2 * len(layers) == 28
    for layer in layers:
        name = f"{names.get_name(layer)}.weight"
        right, left = tensors[f"{name}.lora_a"], tensors[f"{name}.lora_b"]
        change = tuned.get_parameter(f"{layer}.weight").detach() - before[f"{layer}.weight"]
        found = alpha / right.shape[0] * (left @ right)
        np.testing.assert_allclose(found, as_in_gguf(change, layer, config), atol=1e-5)


def test_queries_and_keys_are_interleaved_by_heads() -> None:
    config = {"model_type": "llama", "num_attention_heads": 2, "num_key_value_heads": 1}
    rows = torch.arange(8.0)[:, None]
    order: Tensor = as_in_gguf(rows, "model.layers.0.self_attn.q_proj", config)[:, 0]
    assert order.tolist() == [0, 2, 1, 3, 4, 6, 5, 7]
    assert as_in_gguf(rows, "model.layers.0.self_attn.k_proj", config)[:, 0].tolist() == [0, 4, 1, 5, 2, 6, 3, 7]
    for layer, changes in (("v_proj", {}), ("q_proj", {"model_type": "qwen2"})):
        assert torch.equal(as_in_gguf(rows, layer, {**config, **changes}), rows)


@pytest.mark.parametrize("kind", ["llama", "qwen2", "qwen3"])
def test_llama_cpp_answers_as_peft_does(kind: str, tmp_path: Path) -> None:
    pytest.importorskip("xllamacpp", reason="xllamacpp, which holds llama.cpp, is not installed")
    base, tokenizer = base_model(kind), toy_tokenizer()
    config = base.config.to_dict()
    write_gguf_model(base, config, tokenizer, tmp_path / "base.gguf")
    files = []
    models: list[Any] = [base]
    for name, settings in (("a", {}), ("b", {"use_rslora": True, "target_modules": ["q_proj", "k_proj"]})):
        adapted = saved_lora(base_model(kind), tmp_path / name, **settings)
        assert isinstance(adapted, PeftModel)
        models.append(adapted)
        files.append(tmp_path / f"{name}.gguf")
        write_gguf_adapter(plain_lora_layers(tmp_path / name), config, name, files[-1])
    server = LlamaCpp(tmp_path / "base.gguf", files)
    answers = []
    for prompt in ([5, 40, 41, 9, 77, 20, 33, 60], list(range(10, 40))):
        for adapter, model in zip((None, 0, 1), models, strict=True):
            ids = torch.tensor([prompt])
            with torch.no_grad():
                whole = model.generate(
                    input_ids=ids, attention_mask=torch.ones_like(ids), do_sample=False, max_new_tokens=24,
                    min_new_tokens=24, eos_token_id=tokenizer.eos_token_id,
                )  # fmt: skip
            answers.append(whole[0, len(prompt) :].tolist())
            assert server.answer(prompt, 24, adapter, to_the_end=True).tokens == answers[-1]
    assert len(set(map(tuple, answers))) == 6, "each adapter changes the answer"
    assert isinstance(base, LlamaForCausalLM | Qwen2ForCausalLM | Qwen3ForCausalLM)
