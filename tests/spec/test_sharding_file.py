"""Sharding from configuration files of other tools: what they say is done, or refused in one line."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from paretune.spec import InputError, Study

FSDP2 = {
    "compute_environment": "LOCAL_MACHINE",
    "distributed_type": "FSDP",
    "mixed_precision": "bf16",
    "num_machines": 1,
    "num_processes": 4,
    "fsdp_config": {
        "fsdp_version": 2,
        "fsdp_auto_wrap_policy": "TRANSFORMER_BASED_WRAP",
        "fsdp_transformer_layer_cls_to_wrap": "LlamaDecoderLayer",
        "fsdp_cpu_ram_efficient_loading": True,
        "fsdp_offload_params": True,
        "fsdp_reshard_after_forward": True,
        "fsdp_state_dict_type": "SHARDED_STATE_DICT",
        "fsdp_activation_checkpointing": False,
    },
}
FSDP1 = {**FSDP2, "fsdp_config": {"fsdp_sharding_strategy": "FULL_SHARD", "fsdp_offload_params": False}}
ZERO3 = {
    "bf16": {"enabled": True},
    "zero_optimization": {"stage": 3, "offload_param": {"device": "cpu"}, "offload_optimizer": {"device": "cpu"}},
    "train_micro_batch_size_per_gpu": "auto",
}
ASKED_ZERO3 = {
    "distributed_type": "DEEPSPEED",
    "num_processes": 2,
    "deepspeed_config": {"zero_stage": 3, "offload_param_device": "none", "offload_optimizer_device": "none"},
}


def study_with(folder: Path, config: Any, more: str = "") -> Study:
    """Return a study in a folder, whose sharding is read from a file next to it."""
    text = config if isinstance(config, str) else yaml.safe_dump(config)
    (folder / "config.yaml").write_text(text, encoding="utf-8")
    file = folder / "study.toml"
    file.write_text(
        'name = "a"\nbase_model = "toy:llama"\nmethods = ["lora"]\n'
        f'[recipe]\nbatch_size = 8\n[recipe.sharding]\nconfig = "config.yaml"\n{more}',
        encoding="utf-8",
    )
    return Study.from_toml(file)


def sharding_of(study: Study) -> tuple[int, bool]:
    assert study.recipe.sharding is not None
    return study.recipe.sharding.devices, study.recipe.sharding.cpu_offload


@pytest.mark.parametrize(
    ("config", "expected"),
    [(FSDP2, (4, True)), (FSDP1, (4, False)), (ASKED_ZERO3, (2, False)), (json.dumps(FSDP2), (4, True))],
)
def test_what_accelerate_writes_is_done(config: Any, expected: tuple[int, bool], tmp_path: Path) -> None:
    study = study_with(tmp_path, config)
    assert sharding_of(study) == expected
    assert "config" not in study.canonical_json(), "a study in a folder of results needs no other file"


def test_files_without_a_number_of_devices_get_it_from_the_study(tmp_path: Path) -> None:
    assert sharding_of(study_with(tmp_path, json.dumps(ZERO3, indent="\t"), "devices = 2")) == (2, True)
    off = {**ZERO3, "zero_optimization": {"stage": 3, "zero_hpz_partition_size": 1, "mics_shard_size": -1}}
    assert sharding_of(study_with(tmp_path, json.dumps(off), "devices = 2")) == (2, False)
    of_the_trainer = {"cpu_offload": True, "transformer_layer_cls_to_wrap": ["LlamaDecoderLayer"], "version": 2}
    assert sharding_of(study_with(tmp_path, of_the_trainer, "devices = 2")) == (2, True)
    with pytest.raises(InputError, match=r"sharding\.devices"):
        study_with(tmp_path, json.dumps(ZERO3))


def test_the_study_s_own_keys_take_precedence(tmp_path: Path) -> None:
    assert sharding_of(study_with(tmp_path, FSDP2, "devices = 2\ncpu_offload = false")) == (2, False)


def test_accelerate_may_name_a_file_of_deepspeed(tmp_path: Path) -> None:
    (tmp_path / "zero3.json").write_text(json.dumps(ZERO3), encoding="utf-8")
    config = {**ASKED_ZERO3, "deepspeed_config": {"deepspeed_config_file": "zero3.json"}}
    assert sharding_of(study_with(tmp_path, config)) == (2, True)
    config = {**ASKED_ZERO3, "deepspeed_config": {"deepspeed_config_file": "config.yaml"}}
    with pytest.raises(InputError, match="stage 3"):
        study_with(tmp_path, config)


def fsdp_with(**changes: Any) -> dict[str, Any]:
    return {**FSDP2, "fsdp_config": {**FSDP2["fsdp_config"], **changes}}  # type: ignore[dict-item]


@pytest.mark.parametrize(
    ("config", "problem"),
    [
        (fsdp_with(fsdp_reshard_after_forward=False), "reshard_after_forward: False"),
        (fsdp_with(fsdp_activation_checkpointing=True), "gradient_checkpointing"),
        (fsdp_with(fsdp_offload_param=True), "offload_param: not known"),
        (fsdp_with(fsdp_offload_params=["yes"]), "neither true nor false"),
        ({**FSDP2, "num_machines": 2}, "num_machines: 2"),
        ({**FSDP2, "distributed_type": "MULTI_GPU"}, "MULTI_GPU shards nothing"),
        ({"zero_optimization": {"stage": 2}}, r"stage: 2: .* stage 3"),
        ({"zero_optimization": {"stage": 3, "offload_optimizer": {"device": "cpu"}}}, "both go to"),
        ({"zero_optimization": {"stage": 3, "offload_param": {"device": "nvme"}}}, "nvme"),
        ({"zero_optimization": 3}, "stage: 3"),
        ({"zero_optimization": {"stage": 3, "zero_quantized_weights": True}}, "zero_quantized_weights: True"),
        ({"zero_optimization": {"stage": 3, "zero_hpz_partition_size": 4}}, "zero_hpz_partition_size: 4"),
        ({**FSDP2, "parallelism_config": {"parallelism_config_tp_size": 2}}, "parallelism_config"),
        ({"learning_rate": 1e-4}, "no configuration of accelerate"),
        ({"version": 2, "xla": True}, "xla: XLA is not used"),
        ({**FSDP2, "distributed_type": ["FSDP"]}, "shards nothing"),
        ({**FSDP2, "fsdp_config": "fsdp.json"}, "fsdp_config: fsdp.json is no table"),
        ({**ASKED_ZERO3, "deepspeed_config": "zero3.json"}, "deepspeed_config: zero3.json is no table"),
        ({"zero_optimization": {"stage": 3, "offload_param": True}}, "offload_param: True is no table"),
        ("a: [", "neither YAML nor JSON"),
        ('{"a": }', "neither YAML nor JSON"),
        ("just words", "no table of settings"),
    ],
)
def test_what_is_not_done_is_refused_in_one_line(config: Any, problem: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=problem) as caught:
        study_with(tmp_path, config)
    message = str(caught.value)
    assert message.startswith("recipe: sharding.config: ")
    assert "config.yaml" in message
    assert len(message.splitlines()) == 1


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    study_with(tmp_path, FSDP2)
    (tmp_path / "config.yaml").unlink()
    with pytest.raises(InputError, match=r"config\.yaml: cannot be read \(No such file"):
        Study.from_toml(tmp_path / "study.toml")
