"""Sharding as other tools write it: configuration files of accelerate, of transformers' FSDP, and of DeepSpeed.

Only what concerns sharding is taken: devices and CPU offload. Precision, batch size, accumulation, clipping, optimizer
and schedule are the recipe's, the same for every method. What would be done otherwise than the file says is refused.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from paretune.spec.errors import InputError, one_line

_SETTING = "recipe: sharding.config"
_CHANGES_NO_RESULT = frozenset({
    "auto_wrap_policy", "backward_prefetch", "cpu_ram_efficient_loading", "forward_prefetch", "limit_all_gathers",
    "min_num_params", "state_dict_type", "sync_module_states", "transformer_layer_cls_to_wrap", "use_orig_params",
    "version",
})  # fmt: skip
"""Keys of FSDP that say how the same is computed, saved or loaded. Blocks are those that the model's library names."""
_FULL, _OFFLOAD = {"reshard_after_forward", "sharding_strategy"}, {"offload_params", "cpu_offload"}
_OF_FSDP = _CHANGES_NO_RESULT | _FULL | _OFFLOAD
_OTHER_ZERO = (
    "zero_quantized_weights", "zero_quantized_gradients", "zero_quantized_nontrainable_weights",
    "zero_hpz_partition_size", "mics_shard_size",
)  # fmt: skip
"""Keys of ZeRO that round what is sent, or shard over some of the devices only."""


def with_sharding_file(study: Mapping[str, Any], study_file: Path) -> Mapping[str, Any]:
    """Return a study's table with the settings in place of `sharding.config`, the path of such a file.

    The path is relative to the study. Other keys of the table take precedence. Raises `InputError` where the file
    cannot be read, or says what is not done here.
    """
    recipe = study.get("recipe")
    sharding = recipe.get("sharding") if isinstance(recipe, Mapping) else None
    if not isinstance(recipe, Mapping) or not isinstance(sharding, Mapping) or "config" not in sharding:
        return study
    own = {name: value for name, value in sharding.items() if name != "config"}
    found = read_sharding(study_file.parent / str(sharding["config"])) | own
    return {**study, "recipe": {**recipe, "sharding": found}}


def read_sharding(path: Path) -> dict[str, Any]:
    """Return the fields of `Sharding` that a configuration file gives. Raises as `with_sharding_file` does."""
    value = _mapping(path)
    if "zero_optimization" in value:
        return _of_zero(value["zero_optimization"], path, "zero_optimization.")
    if "distributed_type" in value:
        return _of_accelerate(value, path)
    if {_bare(name) for name in value} & _OF_FSDP:
        return _of_fsdp(value, path)
    raise _refused(path, "is no configuration of accelerate, FSDP or DeepSpeed", "write devices = ... instead")


def _mapping(path: Path) -> Mapping[str, Any]:
    import yaml

    try:
        text = path.read_text(encoding="utf-8")
        value = json.loads(text) if text.lstrip().startswith("{") else yaml.safe_load(text)
    except (OSError, UnicodeDecodeError) as error:
        raise _refused(path, f"cannot be read ({getattr(error, 'strerror', None) or one_line(error)})") from None
    except (ValueError, yaml.YAMLError) as error:
        raise _refused(path, f"is neither YAML nor JSON ({one_line(error)})") from None
    if not isinstance(value, Mapping):
        raise _refused(path, "is no table of settings")
    return value


def _of_accelerate(value: Mapping[str, Any], path: Path) -> dict[str, Any]:
    """Read what `accelerate config` writes."""
    kind = value["distributed_type"]
    if str(kind) not in {"FSDP", "DEEPSPEED"}:
        raise _refused(path, f"distributed_type: {kind} shards nothing", "leave sharding out")
    if value.get("num_machines", 1) != 1:
        raise _refused(path, f"num_machines: {value['num_machines']}, and a trial has one machine")
    if value.get("parallelism_config"):
        raise _refused(path, "parallelism_config: here parameters are sharded over all devices, and nothing else")
    devices = {"devices": value["num_processes"]} if "num_processes" in value else {}
    if kind == "FSDP":
        return devices | _of_fsdp(_table(value, "fsdp_config", path), path)
    inner = _table(value, "deepspeed_config", path)
    if file := inner.get("deepspeed_config_file"):
        file = path.parent / str(file)
        return devices | _of_zero(_mapping(file).get("zero_optimization"), file, "zero_optimization.")
    return devices | _of_zero(_as_zero(inner), path, "deepspeed_config.")


def _of_fsdp(value: Mapping[str, Any], path: Path) -> dict[str, Any]:
    """Read FSDP's keys, with or without "fsdp_" in front."""
    named = {_bare(name): one for name, one in value.items()}
    for name, one in named.items():
        if name in _CHANGES_NO_RESULT | _OFFLOAD:
            continue
        if name in _FULL:
            if str(one).upper() not in {"TRUE", "FULL_SHARD", "1"}:
                raise _refused(path, f"{name}: {one}: here parameters are let go after each forward pass (FULL_SHARD)")
        elif name.startswith("activation_"):
            if str(one).lower() != "false":
                raise _refused(path, f"{name}: it is the recipe's", "set it to false, and write gradient_checkpointing")
        elif name.startswith("xla"):
            if one and str(one).lower() != "false":
                raise _refused(path, f"{name}: XLA is not used")
        else:
            raise _refused(path, f"{name}: not known")
    offloads = [_offload(named[name], path, name) for name in sorted(_OFFLOAD & named.keys())]
    return offloads[0] if offloads else {}


def _of_zero(value: Any, path: Path, inside: str) -> dict[str, Any]:
    """Read DeepSpeed's "zero_optimization"."""
    if not isinstance(value, Mapping) or value.get("stage") != 3:
        stage = value.get("stage") if isinstance(value, Mapping) else value
        raise _refused(path, f"{inside}stage: {stage}: parameters are sharded too, which is stage 3")
    for name in _OTHER_ZERO:
        one = value.get(name)
        if one is True or (one and one not in (1, -1)):  # a size of 1 or -1 is "off"
            raise _refused(path, f"{inside}{name}: {one}: here slices are sent as they are, among all devices")
    names = ("offload_param", "offload_optimizer")
    where = {name: str(_table(value, name, path).get("device") or "none") for name in names}
    if set(where.values()) == {"cpu"}:
        return {"cpu_offload": True}
    if set(where.values()) == {"none"}:
        return {}
    told = ", ".join(f"{name} {device}" for name, device in where.items())
    raise _refused(path, f"{inside.rstrip('.')}: {told}", 'both go to "cpu", or neither')


def _as_zero(value: Mapping[str, Any]) -> dict[str, Any]:
    """Return the keys that `accelerate config` asks for as DeepSpeed writes them."""
    offload = {name: {"device": value.get(f"{name}_device", "none")} for name in ("offload_param", "offload_optimizer")}
    return {"stage": value.get("zero_stage"), **offload}


def _table(value: Mapping[str, Any], name: str, path: Path) -> Mapping[str, Any]:
    """Return a table inside another, an empty one where it is not there."""
    found = value.get(name) or {}
    if not isinstance(found, Mapping):
        raise _refused(path, f"{name}: {found} is no table of settings")
    return found


def _offload(value: Any, path: Path, name: str) -> dict[str, Any]:
    if (text := str(value).lower()) not in {"true", "false"}:
        raise _refused(path, f"{name}: {value} is neither true nor false")
    return {"cpu_offload": True} if text == "true" else {}


def _bare(name: Any) -> str:
    return str(name).removeprefix("fsdp_")


def _refused(path: Path, why: str, mend: str = "mend the file, or write devices = ... instead") -> InputError:
    return InputError(f"{_SETTING}: {path}: {why}; {mend}")
