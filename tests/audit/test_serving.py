"""vLLM's rules, each broken once."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file

from paretune.audit.serving import servable_by_llama_cpp, servable_by_vllm
from paretune.spec import NotPassed

LORA: dict[str, Any] = {
    "peft_type": "LORA",
    "r": 8,
    "lora_alpha": 16,
    "target_modules": ["q_proj"],
    "bias": "none",
    "use_dora": False,
    "use_rslora": True,
    "modules_to_save": None,
    "lora_dropout": 0.1,
    "rank_pattern": {},
    "layer_replication": None,
}


def checkpoint(folder: Path, config: dict[str, Any], *more_weights: str) -> Path:
    (folder / "adapter_config.json").write_text(json.dumps(config))
    names = ("layer.lora_A.weight", "layer.lora_B.weight", *more_weights)
    save_file({name: torch.zeros(2) for name in names}, folder / "adapter_model.safetensors")
    return folder


def test_a_plain_lora_is_served(tmp_path: Path) -> None:
    verdict = servable_by_vllm(checkpoint(tmp_path, LORA))
    assert verdict.kind == "pass"
    assert verdict.figure == 8
    wide = servable_by_vllm(checkpoint(tmp_path, LORA | {"r": 64}))
    assert wide.kind == "pass"
    assert "--max-lora-rank 64" in wide.finding
    between = servable_by_vllm(checkpoint(tmp_path, LORA | {"init_lora_weights": "eva", "rank_pattern": {"q": 33}}))
    assert between.kind == "pass"
    assert between.figure == 33
    assert "--max-lora-rank 64" in between.finding


def test_low_ranks_of_embeddings_go_to_vllm_and_not_to_llama_cpp(tmp_path: Path) -> None:
    names = ("embed_tokens.lora_embedding_A", "embed_tokens.lora_embedding_B")
    folder = checkpoint(tmp_path, LORA, *names)
    assert servable_by_vllm(folder).kind == "pass"
    llama = {"model_type": "llama", "num_hidden_layers": 2}
    assert "lora_embedding_A" in getattr(servable_by_llama_cpp(folder, llama), "finding", "")


@pytest.mark.parametrize(
    ("changes", "rule"),
    [
        ({"peft_type": "OFT"}, "LoRA adapters only, not OFT"),
        ({"use_dora": True}, "no DoRA"),
        ({"bias": "all"}, "no trained bias"),
        ({"modules_to_save": ["lm_head"]}, "no modules_to_save"),
        ({"r": 1024}, "rank 1024 is above 512"),
        ({"init_lora_weights": "pissa"}, "init_lora_weights pissa changes the base model"),
        ({"rank_pattern": {"q_proj": 1024}}, "rank 1024 is above 512"),
        ({"layer_replication": [[0, 2]]}, "layer_replication would be ignored"),
    ],
)
def test_the_broken_rule_is_named(changes: dict[str, Any], rule: str, tmp_path: Path) -> None:
    verdict = servable_by_vllm(checkpoint(tmp_path, LORA | changes))
    assert verdict.kind == "fail"
    assert verdict.finding == rule


def test_weights_that_are_no_lora_are_named(tmp_path: Path) -> None:
    verdict = servable_by_vllm(checkpoint(tmp_path, LORA, "layer.lora_diag"))
    assert verdict.kind == "fail"
    assert "layer.lora_diag" in verdict.finding


@pytest.mark.parametrize(
    ("changes", "rule"),
    [
        ({"peft_type": "OFT"}, "LoRA adapters only, not OFT"),
        ({"use_dora": True}, "no DoRA"),
    ],
)
def test_llama_cpp_takes_a_plain_lora_on_models_that_are_known(
    changes: dict[str, Any], rule: str, tmp_path: Path
) -> None:
    llama = {"model_type": "llama", "num_hidden_layers": 2, "tie_word_embeddings": True}
    folder = checkpoint(tmp_path, LORA | changes)
    assert servable_by_llama_cpp(folder, llama) == NotPassed(finding=rule)
    other = servable_by_llama_cpp(folder, llama | {"model_type": "mamba"})
    assert other.kind == "fail"
    assert "llama, mistral, qwen2, qwen3 only, not mamba" in other.finding


def test_llama_cpp_needs_a_name_for_each_layer(tmp_path: Path) -> None:
    llama = {"model_type": "llama", "num_hidden_layers": 2, "tie_word_embeddings": True}
    (tmp_path / "adapter_config.json").write_text(json.dumps(LORA))
    for layer, rule in (
        ("model.layers.1.self_attn.q_proj", None),
        ("model.layers.2.self_attn.q_proj", "model.layers.2.self_attn.q_proj has no name in GGUF"),
        ("lm_head", "lm_head is the input embedding"),
    ):
        weights = {f"base_model.model.{layer}.lora_{side}.weight": torch.zeros(8, 8) for side in "AB"}
        save_file(weights, tmp_path / "adapter_model.safetensors")
        verdict = servable_by_llama_cpp(tmp_path, llama)
        assert verdict.kind == ("fail" if rule else "pass")
        assert rule is None or (verdict.kind == "fail" and verdict.finding.startswith(rule))


def test_a_whole_model_is_served_and_anything_else_is_not_judged(tmp_path: Path) -> None:
    assert servable_by_vllm(tmp_path).kind == "not_applicable"
    (tmp_path / "config.json").write_text("{}")
    assert servable_by_vllm(tmp_path).kind == "pass"
