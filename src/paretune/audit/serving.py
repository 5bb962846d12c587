"""Can vLLM serve a checkpoint? Its documented rules, read against what was saved.

Sources: vLLM's LoRA guide (docs.vllm.ai, "LoRA Adapters") and the fields and errors of `vllm/lora/peft_helper.py` and
`vllm/config/lora.py` as of 0.22: an adapter of peft's kind LoRA, no DoRA, no bias, no modules_to_save, weights named
lora_A and lora_B alone, and a rank up to the largest value of `--max-lora-rank`. Only the fields in `_READ` are read:
one that is set besides changes what was trained and is ignored.
"""

import dataclasses
from pathlib import Path
from typing import Any

from safetensors import safe_open

from paretune.audit.storage import saved_config
from paretune.spec import NotApplicable, NotPassed, Passed

MAX_RANK = 512
DEFAULT_MAX_RANK = 16
_READ = {"r", "lora_alpha", "target_modules", "bias", "modules_to_save", "use_rslora", "use_dora"}
_WITHOUT_EFFECT_ONCE_TRAINED = {
    *("task_type", "peft_type", "auto_mapping", "base_model_name_or_path", "peft_version", "revision"),
    *("inference_mode", "lora_dropout", "init_lora_weights", "fan_in_fan_out", "runtime_config", "megatron_core"),
    *("exclude_modules", "layers_to_transform", "layers_pattern", "ensure_weight_tying", "qalora_group_size"),
    *("loftq_config", "eva_config", "corda_config", "lora_ga_config", "velora_config"),
}
"""They say which layers carry an adapter, which the file shows as well, or how it was trained or started."""


def servable_by_vllm(folder: Path) -> Passed | NotPassed | NotApplicable:
    """Judge a checkpoint by vLLM's rules. The value is the adapter's rank. The finding names the rule."""
    config = saved_config(folder)
    if config is None:
        if (folder / "config.json").exists():
            return Passed(finding="a whole model, served in place of the base")
        return NotApplicable(reason="neither an adapter of peft's nor a whole model")
    if config["peft_type"] != "LORA":
        return NotPassed(finding=f"LoRA adapters only, not {config['peft_type']}")
    if broken := _broken_rule(config, folder):
        return NotPassed(finding=broken)
    rank = int(config["r"])
    needed = f"; start vLLM with --max-lora-rank {rank} or more" if rank > DEFAULT_MAX_RANK else ""
    return Passed(figure=float(rank), finding=f"a LoRA of rank {rank}{needed}")


def _broken_rule(config: dict[str, Any], folder: Path) -> str | None:
    """Return the first rule that a LoRA breaks, or None."""
    ignored, others = _ignored_fields(config), _other_weights(folder)
    rules = {
        "no DoRA": config["use_dora"],
        "no trained bias": config["bias"] != "none" or config.get("lora_bias"),
        "no modules_to_save": config["modules_to_save"],
        f"rank {config['r']} is above {MAX_RANK}": config["r"] > MAX_RANK,
        f"{', '.join(ignored)} would be ignored": ignored,
        f"weights other than lora_A and lora_B, such as {''.join(others[:1])}": others,
    }
    return next((rule for rule, broken in rules.items() if broken), None)


def _ignored_fields(config: dict[str, Any]) -> list[str]:
    """Return the fields that are set, that change the outputs, and that vLLM does not read."""
    from peft import LoraConfig

    defaults = {field.name: field.default for field in dataclasses.fields(LoraConfig)}
    ignored = set(config) - _READ - _WITHOUT_EFFECT_ONCE_TRAINED
    return sorted(name for name in ignored if config[name] and config[name] != defaults.get(name))


def _other_weights(folder: Path) -> list[str]:
    names: list[str] = []
    for file in sorted(folder.glob("*.safetensors")):
        with safe_open(file, framework="pt") as tensors:
            names += tensors.keys()
    return sorted(name for name in names if not name.endswith((".lora_A.weight", ".lora_B.weight")))
