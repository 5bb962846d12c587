"""Small result files in the layout of peft's method comparison, for tests. No value here was measured."""

import copy
from typing import Any

_MATHS_CONFIG: dict[str, Any] = {
    "model_id": "meta-llama/Llama-3.2-3B", "dtype": "bfloat16", "max_seq_length": 768, "batch_size": 4,
    "batch_size_eval": 50, "max_steps": 500, "eval_steps": 250, "compile": False, "use_gc": False,
    "query_template": "Question: {query}\nAnswer:", "seed": 0, "grad_norm_clip": 1.0, "optimizer_type": "AdamW",
    "optimizer_kwargs": {"lr": 1e-4, "weight_decay": 0.1}, "lr_scheduler": "cosine", "use_amp": False,
    "autocast_adapter_dtype": True, "generation_kwargs": {"max_length": 800, "max_new_tokens": 300},
    "attn_implementation": None, "init_kv_cache_prefix": None,
}  # fmt: skip
_PACKAGES = {
    f"{name}-{kind}": value
    for name in ("transformers", "peft", "datasets", "bitsandbytes", "torch")
    for kind, value in (("version", "1.2.3"), ("commit-hash", None))
}


def maths_result(**changes: Any) -> dict[str, Any]:
    """Return a result of their maths task. Changes are by path: `run_info__error_msg="..."`."""
    stretch = {"train time": 25.0, "eval time": 5.0, "train loss": 0.9, "valid accuracy": 0.3, "train samples": 1000}
    result: dict[str, Any] = {
        "run_info": {
            "created_at": "2026-07-15T05:41:18+00:00",
            "total_time": 90.5,
            "experiment_name": "lora/llama-3.2-3B-rank32",
            "peft_branch": "main",
            "train_config": copy.deepcopy(_MATHS_CONFIG),
            "peft_config": {
                "task_type": "CAUSAL_LM", "peft_type": "LORA", "peft_version": "1.2.3", "inference_mode": False,
                "r": 32, "lora_alpha": 64, "target_modules": ["q_proj", "v_proj"], "use_dora": False,
                "modules_to_save": None, "rank_pattern": {},
            },
            "error_msg": "",
        },
        "train_info": {
            "accelerator_memory_reserved_avg": 14_000, "accelerator_memory_max": 22_000,
            "accelerator_memory_reserved_99th": 20_000, "train_time": 80.25, "file_size": 36_715_216,
            "num_trainable_params": 9_175_040, "num_total_params": 3_221_924_864, "status": "success",
            "metrics": [
                {"step": 250, **stretch},
                {"step": 500, **stretch},
                {
                    "step": 500, "test accuracy": 631 / 1319, "train loss": 0.6, "train samples": 2000,
                    "train total tokens": 420_000, "forgetting": 0.11,
                },
            ],
        },
        "meta_info": {
            "model_info": {"sha": "13afe512", "created_at": "2024-09-18T15:23:48+00:00"},
            "dataset_info": {name: {"sha": "aa4f", "created_at": "2023-09-21"} for name in ("metamath", "gsm8k")},
            "package_info": dict(_PACKAGES),
            "system_info": {"system": "Linux", "machine": "x86_64", "accelerator": "NVIDIA L40S"},
            "pytorch_info": "built with care",
        },
    }  # fmt: skip
    for path, value in changes.items():
        *steps, last = path.split("__")
        place: Any = result
        for step in steps:
            place = place[int(step)] if isinstance(place, list) else place[step]
        place[last] = value
    return result
