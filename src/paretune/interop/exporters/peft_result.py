"""One record as a result file of peft's method comparison: the reverse of `interop.importers.peft_result`."""

import copy
import math
from typing import Any

from paretune.interop.exporters.peft_own import own_frame, peak_bytes, train_peak_bytes
from paretune.interop.peft_layout import (
    BENCHMARKS,
    IMAGES,
    MATHS,
    MISSING_SIZE_BYTES,
    OPTIMIZERS,
    OWN_OPTIMIZERS,
    Benchmark,
)
from paretune.spec import Cancelled, Failed, Ok, OutOfMemory, Phase, Record, Refused
from paretune.store.document import put

_NUMBERS = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}
_OPTIMIZERS, _OWN_OPTIMIZERS = (
    {ours: theirs for theirs, ours in names.items()} for names in (OPTIMIZERS, OWN_OPTIMIZERS)
)
"""Our names, and theirs."""
_BITS = {"nf4": "int4", "fp4": "int4", "int8": "int8", "int8-torchao": "int8"}
"""Our formats of a quantised base, and their `dtype`, which knows one of 4 bits and one of 8."""
TASKS = {"gsm8k": MATHS, "image_concept": IMAGES}
"""Our tasks that their layout has a place for."""
_BENCHMARKS = TASKS | {one.task: one for one in BENCHMARKS}


def benchmark_of(record: Record) -> Benchmark | None:
    """Return the benchmark whose layout a record is written in; None where its task is not one of theirs."""
    return _BENCHMARKS.get(record.trial.task.name)


def result_of(record: Record, benchmark: Benchmark, experiment_name: str) -> dict[str, Any]:
    """Return a record as their JSON. `experiment_name` names a record of ours; an imported one keeps its own."""
    if record.imported is None:
        result = own_frame(record, experiment_name, benchmark)
    else:
        result = copy.deepcopy(record.imported.rest)
        result["train_info"] = _with_numbers(result["train_info"])
    for path, value in _settings(record, benchmark).items():
        put(result, f"run_info.train_config.{path}", value)
    _put_method(result, record)
    _put_outcome(result, record)
    _put_figures(result, record, benchmark)
    _put_origin(result, record)
    return result


def _settings(record: Record, benchmark: Benchmark) -> dict[str, Any]:
    trial, recipe = record.trial, record.trial.recipe
    placeholders = record.imported.placeholders if record.imported else {}
    found: dict[str, Any] = {
        "model_id": _model_id(record),
        "seed": trial.seed,
        "max_steps": recipe.steps,
        "batch_size": recipe.batch_size,
        "batch_size_eval": record.answer_batch_size,
        benchmark.length: recipe.max_length,
        "grad_norm_clip": recipe.max_grad_norm if math.isfinite(recipe.max_grad_norm) else 0.0,
        "lr_scheduler": None if recipe.schedule == "constant" else recipe.schedule,
        "use_gc": recipe.gradient_checkpointing,
        "compile": bool(recipe.compile),
        "autocast_adapter_dtype": recipe.trainable_dtype != "as_base",
        "dtype": _BITS[recipe.quantisation] if recipe.quantisation else recipe.dtype,
        "optimizer_kwargs.lr": trial.learning_rate,
    }
    if "weight_decay" not in placeholders:
        found["optimizer_kwargs.weight_decay"] = recipe.weight_decay
    if record.imported is not None:
        found |= {name: value for name, value in trial.task.options.items() if name in benchmark.settings}
    if record.imported is None or "optimizer_type" not in record.imported.rest["run_info"]["train_config"]:
        found["optimizer_type"] = _optimizer_type(record)
    return found


def _optimizer_type(record: Record) -> str:
    implementation = record.trial.method.implementation
    return _OWN_OPTIMIZERS.get(implementation) or _OPTIMIZERS[record.trial.recipe.optimizer]


def _model_id(record: Record) -> str:
    """Return the base model's name; references of other kinds stay whole, since they are no names on the hub."""
    reference = record.trial.base_model
    return reference.removeprefix("hub:").partition("@")[0] if reference.startswith("hub:") else reference


def _put_method(result: dict[str, Any], record: Record) -> None:
    method = record.trial.method
    if method.peft_type is None:
        put(result, "run_info.peft_config", None)
        return
    put(result, "run_info.peft_config.peft_type", method.peft_type)
    result["run_info"]["peft_config"] |= copy.deepcopy(method.parameters)


def _put_outcome(result: dict[str, Any], record: Record) -> None:
    match record.outcome:
        case Ok():
            message = ""
        case Cancelled(reason=reason):
            message = reason
        case OutOfMemory(message=message) | Failed(message=message) | Refused(message=message):
            pass
        case outcome:
            message = outcome.kind.replace("_", " ")
    put(result, "run_info.error_msg", message)
    put(result, "train_info.status", "success" if record.outcome.kind == "ok" else "canceled")


def _put_figures(result: dict[str, Any], record: Record, benchmark: Benchmark) -> None:
    metrics = record.metrics
    size = metrics.get("checkpoint_bytes", MISSING_SIZE_BYTES)
    put(result, "train_info.file_size", int(size))
    put(result, "train_info.accelerator_memory_max", _memory(record, benchmark))
    put(result, "train_info.train_time", metrics.get("reported_train_seconds", metrics.get("train_seconds")))
    if "trainable_parameters" in metrics:
        put(result, "train_info.num_trainable_params", int(metrics["trainable_parameters"]))
    if not result["train_info"]["metrics"]:
        return
    theirs, ours = benchmark.quality
    quality = metrics.get("accuracy_published", metrics.get(ours)) if ours == "accuracy" else metrics.get(ours)
    _put_last(result, theirs, quality)
    placeholders = record.imported.placeholders if record.imported else {}
    theirs, ours = benchmark.retention
    _put_last(result, theirs, float(placeholders[ours]) if ours in placeholders else metrics.get(ours))


def _put_last(result: dict[str, Any], name: str, value: float | None) -> None:
    if value is not None:
        put(result, f"train_info.metrics.-1.{name}", value)


def _memory(record: Record, benchmark: Benchmark) -> int | None:
    """Return what their `accelerator_memory_max` would be: of all phases for maths, of training for images."""
    if benchmark.memory in record.metrics:
        return int(record.metrics[benchmark.memory])
    if benchmark is IMAGES:
        return train_peak_bytes(record)
    return peak_bytes(record, {Phase.TRAIN, Phase.VALIDATE, Phase.TEST}, ("train_peak_bytes", "answer_peak_bytes"))


def _put_origin(result: dict[str, Any], record: Record) -> None:
    put(result, "run_info.created_at", record.started_at)
    revision = record.trial.base_model.partition("@")[2]
    if revision and record.trial.base_model.startswith("hub:"):
        put(result, "meta_info.model_info.sha", revision)
    if "dataset_info" in record.trial.task.options:
        put(result, "meta_info.dataset_info", record.trial.task.options["dataset_info"])
    if record.provenance is not None:
        for package, version in record.provenance.packages.items():
            result["meta_info"]["package_info"][f"{package}-version"] = version
        put(result, "meta_info.system_info.accelerator", record.provenance.device)


def _with_numbers(value: Any) -> Any:
    """Return a document with the numbers that JSON does not have put back."""
    if isinstance(value, dict):
        return {key: _with_numbers(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_with_numbers(item) for item in value]
    return _NUMBERS.get(value, value) if isinstance(value, str) else value
