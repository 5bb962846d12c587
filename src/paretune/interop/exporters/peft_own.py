"""What the file of a record of ours holds besides the fields that it shares with an imported one's."""

import math
from collections.abc import Collection, Sequence
from typing import Any

from paretune.interop.peft_layout import IMAGE_SETTINGS, MATHS, Benchmark
from paretune.spec import Phase, Record

NOT_MEASURED = "paretune_not_measured"
"""Our own key in `run_info`: fields for which Paretune has no value or one that covers something else than theirs."""
_NOTES = {
    "accelerator_memory_reserved_avg": "the peak of training: no mean is recorded",
    "accelerator_memory_reserved_99th": "the peak of training: no percentile is recorded",
    "train total tokens": "0: not counted",
    "train loss": "of the last step alone; theirs is a mean over steps",
}
_MATHS_NOTES = {
    "train_time": "the optimizer's steps only; theirs has the test's generation and passes over texts in it",
    "forgetting": "a mean over texts, and perhaps over other texts; theirs is over all tokens of 100 Wikipedia texts",
}
_IMAGE_NOTES = {
    "train_time": "the optimizer's steps only; theirs has encoding and the test's generation in it",
    "test dino_similarity": "by the judge of dino_model_id, which need not be DINOv2",
    "drift": "by the judge of dino_model_id, which need not be DINOv2",
}
_BYTES_IN_USE = "the peak of bytes in use (counted on a CPU, allocated on a GPU); theirs is of bytes reserved"
_NEEDED = (
    ("run_info", "total_time"),
    ("train_info", "train_time"),
    ("train_info", "accelerator_memory_max"),
    ("train_info", "accelerator_memory_reserved_avg"),
    ("train_info", "num_trainable_params"),
)
"""Values of a finished run without which their tools stop."""


def own_frame(record: Record, experiment_name: str, benchmark: Benchmark) -> dict[str, Any]:
    """Return what their layout holds besides the fields that imported results share with ours."""
    recipe, provenance = record.trial.recipe, record.provenance
    peak = train_peak_bytes(record)
    last = {
        "step": recipe.steps,
        "train loss": record.metrics.get("train_loss", math.nan),
        "train samples": recipe.num_examples_seen,
        "train total tokens": 0,
    }
    versions = {f"{name}-version": None for name in ("transformers", "peft", "datasets", "bitsandbytes", "torch")}
    platform = provenance.platform if provenance else ""
    config: dict[str, Any] = {"attn_implementation": recipe.attention, "use_amp": False, "optimizer_kwargs": {}}
    return {
        "run_info": {
            "total_time": _total_seconds(record),
            "experiment_name": experiment_name,
            "peft_branch": None,
            "train_config": config | _task_settings(record, benchmark),
            NOT_MEASURED: _notes(record, benchmark),
        },
        "train_info": {
            "accelerator_memory_reserved_avg": peak,
            "accelerator_memory_reserved_99th": peak,
            "metrics": [last] if record.outcome.kind == "ok" else [],
        },
        "meta_info": {
            "model_info": {"sha": None, "created_at": None},
            "dataset_info": None,
            "package_info": versions | {"diffusers-version": None},
            "system_info": {"system": platform.partition(" ")[0], "machine": platform.partition(" ")[2]},
            "pytorch_info": "",
        },
    }


def missing_figures(result: dict[str, Any], benchmark: Benchmark) -> list[str]:
    """Return the values that their tools insist on and a finished run does not have."""
    if result["train_info"]["status"] != "success":
        return []
    missing = [name for part, name in _NEEDED if result[part].get(name) is None]
    quality, _ = benchmark.quality
    return missing if quality in result["train_info"]["metrics"][-1] else [*missing, quality]


def _task_settings(record: Record, benchmark: Benchmark) -> dict[str, Any]:
    """Return the task's options by their names; None where ours has no such option."""
    options, image = record.trial.task.options, record.trial.recipe.image
    if benchmark is MATHS:
        limit = {"max_new_tokens": options.get("max_new_tokens")}
        return {"query_template": options.get("template"), "generation_kwargs": limit}
    found = {
        "dataset_id": options.get("pictures"),
        "instance_prompts": options.get("captions"),
        "image_column": options.get("image_column"),
        "valid_size": options.get("validation_size"),
        "test_size": options.get("test_size"),
        "dino_model_id": options.get("judge"),
        "sample_image_prompts": options.get("gallery_captions"),
        "drift_image_prompts": options.get("drift_captions"),
    }
    found |= {theirs: getattr(image, ours, None) for theirs, ours in IMAGE_SETTINGS.items()}
    return dict.fromkeys(benchmark.settings) | found


def _notes(record: Record, benchmark: Benchmark) -> dict[str, str]:
    notes = _NOTES | (_MATHS_NOTES if benchmark is MATHS else _IMAGE_NOTES)
    if benchmark.memory in record.metrics or any(reading.reserved_bytes for reading in record.phases):
        return notes
    return notes | {"accelerator_memory_max": _BYTES_IN_USE}


def _total_seconds(record: Record) -> float | None:
    """Return what the trial took, with the steps that an earlier trial had run."""
    if not record.phases:
        return None
    return sum(reading.seconds for reading in record.phases) + sum(record.step_seconds[: record.resumed_at])


def train_peak_bytes(record: Record) -> int | None:
    """Return the peak of training, in bytes."""
    return peak_bytes(record, {Phase.TRAIN}, ("train_peak_bytes",))


def peak_bytes(record: Record, phases: Collection[Phase], metrics: Sequence[str]) -> int | None:
    """Return the highest reading of these phases, of bytes reserved where known; without one, the highest of these
    values; None without either."""
    readings = [one.reserved_bytes or one.peak_bytes or 0 for one in record.phases if one.phase in phases]
    counted = [record.metrics.get(name, 0.0) for name in metrics]
    return int(max(readings, default=0) or max(counted)) or None
