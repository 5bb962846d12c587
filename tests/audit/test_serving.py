"""vLLM's rules, each broken once."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file

from paretune.audit.serving import servable_by_vllm

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


@pytest.mark.parametrize(
    ("changes", "rule"),
    [
        ({"peft_type": "OFT"}, "LoRA adapters only, not OFT"),
        ({"use_dora": True}, "no DoRA"),
        ({"bias": "all"}, "no trained bias"),
        ({"modules_to_save": ["lm_head"]}, "no modules_to_save"),
        ({"r": 1024}, "rank 1024 is above 512"),
        ({"rank_pattern": {"q_proj": 4}}, "rank_pattern would be ignored"),
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


def test_a_whole_model_is_served_and_anything_else_is_not_judged(tmp_path: Path) -> None:
    assert servable_by_vllm(tmp_path).kind == "not_applicable"
    (tmp_path / "config.json").write_text("{}")
    assert servable_by_vllm(tmp_path).kind == "pass"
