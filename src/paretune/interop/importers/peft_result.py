"""One result file of peft's method comparison as a record.

Every value that has a field of ours goes there; what is left of the file is kept in `Record.imported.rest`.
`paretune.interop.exporters.peft_comparison` puts both together again.
"""

import math
from typing import Any

from paretune.interop.importers.peft_settings import read_label, read_recipe
from paretune.interop.peft_layout import (
    BENCHMARKS,
    DEVICE_KEYS,
    HOUSEKEEPING,
    MEMORY_KEYS,
    MISSING_RETENTION,
    MISSING_SIZE_BYTES,
    SOURCE,
    Benchmark,
)
from paretune.spec import (
    Cancelled,
    Failed,
    Imported,
    InputError,
    MethodSpec,
    Ok,
    Outcome,
    OutOfMemory,
    Provenance,
    Record,
    TaskSpec,
    Trial,
)
from paretune.store.document import Document

_MANUAL = "manually canceled"


def read_result(value: dict[str, Any], where: str) -> tuple[Benchmark, Record]:
    """Return which of their benchmarks a parsed result file belongs to, and its record.

    Raises `InputError`, opening with `where`, for a file that is not theirs.
    """
    document = Document(value, where)
    settings = document.look("run_info.train_config")
    benchmark = next((one for one in BENCHMARKS if isinstance(settings, dict) and one.signature in settings), None)
    if benchmark is None:
        known = ", ".join(one.folder for one in BENCHMARKS)
        raise InputError(f"{where}: not a result file of peft's method comparison that is known here ({known})")
    placeholders: dict[str, str] = {}
    trial = _trial(document, benchmark, placeholders, where)
    outcome = _outcome(document)
    metrics = _metrics(document, benchmark, trial.recipe.steps, placeholders, ended=outcome.kind == "ok")
    accuracy = metrics.get("accuracy")
    num_items = _num_items(accuracy, benchmark)
    started_at, provenance = document.take_a(str, "run_info.created_at"), _provenance(document)
    rest = document.rest() | {"train_info": _without_nan(document.look("train_info"))}
    record = Record(
        trial_id=trial.id,
        attempt=1,
        trial=trial,
        outcome=outcome,
        metrics=metrics,
        standard_errors=_standard_errors(accuracy, num_items),
        num_items=num_items,
        provenance=provenance,
        started_at=started_at,
        imported=Imported(
            source=SOURCE,
            file=where.replace("\\", "/").rpartition("/")[2],
            covers=_covers(benchmark, metrics, trial.recipe.steps, document),
            placeholders=placeholders,
            rest=rest,
        ),
    )
    return benchmark, record


def _trial(document: Document, benchmark: Benchmark, placeholders: dict[str, str], where: str) -> Trial:
    settings = document.part("run_info.train_config")
    recipe = read_recipe(settings, benchmark, placeholders)
    model_id = settings.take_a(str, "model_id")
    value = {
        "base_model": _base_model(document, model_id),
        "task": _task(document, benchmark),
        "method": _method(document, model_id),
        "learning_rate": settings.take_a(float, "optimizer_kwargs.lr"),
        "seed": settings.take_a(int, "seed"),
        "recipe": recipe,
    }
    return Trial.read(value, where)


def _base_model(document: Document, model_id: str) -> str:
    """Return the reference; without a revision where their script could not learn it."""
    if ":" in model_id:  # of a study of ours: no model on the hub, whose names have no colon
        return model_id
    if document.look("meta_info.model_info.sha") is None:
        return f"hub:{model_id}"
    return f"hub:{model_id}@{document.take_a(str, 'meta_info.model_info.sha')}"


def _task(document: Document, benchmark: Benchmark) -> TaskSpec:
    options = {name: document.take(f"run_info.train_config.{name}") for name in benchmark.settings}
    options["dataset_info"] = document.take_if_there("meta_info.dataset_info")
    return TaskSpec(name=benchmark.task, version="1", options=options, content_hash=None)


def _method(document: Document, model_id: str) -> MethodSpec:
    experiment = document.look_a(str, "run_info.experiment_name")
    name = experiment.partition("/")[0]
    if not name:
        raise document.fault("run_info.experiment_name", 'must begin with a method\'s name, such as "lora/rank32"')
    label = read_label(experiment, model_id)
    config: dict[str, Any] | None = document.look_optional(dict, "run_info.peft_config")
    if config is None:
        return MethodSpec(name=name, label=label, implementation="full")
    # What is not set says nothing, and is left with the rest.
    names = [key for key, value in config.items() if key not in HOUSEKEEPING and value not in (None, {}, [], "")]
    return MethodSpec(
        name=name,
        label=label,
        implementation="peft",
        peft_type=document.take_a(str, "run_info.peft_config.peft_type"),
        parameters={key: config.pop(key) for key in names},
    )


def _outcome(document: Document) -> Outcome:
    """Return what is known of how a run ended: their script calls every error "canceled" and keeps its text."""
    status = document.take_a(str, "train_info.status")
    message = document.take_optional(str, "run_info.error_msg") or ""
    if status == "success":
        return Ok()
    if message == _MANUAL:
        return Cancelled(reason=message)
    if "out of memory" in message.lower():
        return OutOfMemory(message=message)
    return Failed(error_type="error", message=message)


def _metrics(
    document: Document, benchmark: Benchmark, steps: int, placeholders: dict[str, str], *, ended: bool
) -> dict[str, float]:
    step_seconds, _ = _timed_steps(document)
    found: dict[str, float | None] = {
        benchmark.memory: document.take_nullable(float, *MEMORY_KEYS),
        "reported_train_seconds": document.take_nullable(float, "train_info.train_time"),
        "trainable_parameters": document.take_optional(float, "train_info.num_trainable_params"),
        "step_seconds": step_seconds,
        "train_seconds": steps * step_seconds if ended and step_seconds is not None else None,
    }
    size = "train_info.file_size"
    if not _is_placeholder(document, size, "checkpoint_bytes", MISSING_SIZE_BYTES, placeholders):
        found["checkpoint_bytes"] = document.take_nullable(float, size)
    if document.look("train_info.metrics"):
        found |= _quality(document, benchmark)
        theirs, ours = benchmark.retention
        path = f"train_info.metrics.-1.{theirs}"
        if not _is_placeholder(document, path, ours, MISSING_RETENTION, placeholders):
            found[ours] = document.take_optional(float, path)
    return {name: float(value) for name, value in found.items() if value is not None}


def _quality(document: Document, benchmark: Benchmark) -> dict[str, float | None]:
    theirs, ours = benchmark.quality
    path = f"train_info.metrics.-1.{theirs}"
    value = document.take_optional(float, path)
    if ours != "accuracy":
        return {ours: value}
    if value is not None and not 0 <= value <= 1:
        raise document.fault(path, f"must be a share between 0 and 1, not {value}")
    return {ours: value, "accuracy_published": value}


def _is_placeholder(document: Document, path: str, name: str, placeholder: float, placeholders: dict[str, str]) -> bool:
    """Return whether a value stands for a missing one. Then it is taken, and remembered under `name`."""
    value = document.look(path)
    if not isinstance(value, int | float) or (value != placeholder and math.isfinite(value)):
        return False
    placeholders[name] = "NaN" if math.isnan(value) else str(value)
    document.take(path)
    return True


def _timed_steps(document: Document) -> tuple[float | None, int]:
    """Return the mean seconds of a step, from the sums that their log has for each stretch, and the steps timed."""
    log = "train_info.metrics"
    entries = [document.part(f"{log}.{index}") for index in range(len(document.look_optional(list, log) or []))]
    timed = [entry for entry in entries if "train time" in entry.rest()]
    num_steps = max((entry.look_a(int, "step") for entry in timed), default=0)
    seconds = [entry.look_a(float, "train time") for entry in timed]
    return (math.fsum(seconds) / num_steps if num_steps else None), num_steps


def _covers(benchmark: Benchmark, metrics: dict[str, float], steps: int, document: Document) -> dict[str, str]:
    covers = {name: text for name, text in benchmark.covers.items() if name in metrics}
    _, num_timed = _timed_steps(document)
    if "train_seconds" in metrics and num_timed < steps:
        covers["train_seconds"] = f"all {steps} steps, scaled up from the {num_timed} that were timed"
    return covers


def _num_items(accuracy: float | None, benchmark: Benchmark) -> int | None:
    """Return the size of the test set, or None where the accuracy is not a multiple of 1 / that size."""
    size = benchmark.num_items
    if accuracy is None or size is None or abs(accuracy * size - round(accuracy * size)) > 1e-6:
        return None
    return size


def _standard_errors(accuracy: float | None, num_items: int | None) -> dict[str, float]:
    if accuracy is None or num_items is None:
        return {}
    return {"accuracy": (accuracy * (1 - accuracy) / num_items) ** 0.5}


def _provenance(document: Document) -> Provenance:
    info: dict[str, Any] = document.look_optional(dict, "meta_info.package_info") or {}
    versions = [key for key, version in info.items() if key.endswith("-version") and isinstance(version, str)]
    system: dict[str, Any] = document.look_optional(dict, "meta_info.system_info") or {}
    return Provenance(
        packages={key.removesuffix("-version"): info.pop(key) for key in versions},
        python=None,
        git_commit=None,
        platform=f"{system.get('system')} {system.get('machine')}",
        device=document.take_a(str, *DEVICE_KEYS),
        num_threads=None,
        concurrent_workers=None,
    )


def _without_nan(value: Any) -> Any:
    """Return a document with words for numbers that JSON does not have."""
    if isinstance(value, dict):
        return {key: _without_nan(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_without_nan(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    return value
