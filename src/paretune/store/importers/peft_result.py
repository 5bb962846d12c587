"""One result file of peft's method comparison as a record.

Every figure that has a field of ours goes there; whatever is left of the file is kept in `Record.imported.rest`.
`paretune.store.exporters.peft_comparison` puts both together again.
"""

import math
from typing import Any

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
from paretune.store.importers.peft_settings import read_label, read_recipe
from paretune.store.peft_layout import (
    BENCHMARKS,
    DEVICE_KEYS,
    HOUSEKEEPING,
    MEMORY_KEYS,
    MISSING_RETENTION,
    MISSING_SIZE_BYTES,
    SOURCE,
    Benchmark,
)

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
    started_at, provenance = document.take("run_info.created_at"), _provenance(document)
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
    recipe = read_recipe(document, benchmark, placeholders, where)
    model_id = document.take("run_info.train_config.model_id")
    return Trial(
        base_model=_base_model(document, model_id),
        task=_task(document, benchmark),
        method=_method(document, model_id),
        learning_rate=document.take("run_info.train_config.optimizer_kwargs.lr"),
        seed=document.take("run_info.train_config.seed"),
        recipe=recipe,
    )


def _base_model(document: Document, model_id: str) -> str:
    """Return the reference; without a revision where their script could not learn it."""
    if ":" in model_id:  # of a study of ours: no model on the hub, whose names have no colon
        return model_id
    revision = document.look("meta_info.model_info.sha")
    return f"hub:{model_id}" if revision is None else f"hub:{model_id}@{document.take('meta_info.model_info.sha')}"


def _task(document: Document, benchmark: Benchmark) -> TaskSpec:
    options = {name: document.take(f"run_info.train_config.{name}") for name in benchmark.settings}
    options["dataset_info"] = document.take_if_there("meta_info.dataset_info")
    return TaskSpec(name=benchmark.task, version="1", options=options, content_hash=None)


def _method(document: Document, model_id: str) -> MethodSpec:
    experiment = document.look("run_info.experiment_name")
    name = experiment.partition("/")[0]
    label = read_label(experiment, model_id)
    config = document.look("run_info.peft_config")
    if config is None:
        return MethodSpec(name=name, label=label, implementation="full")
    # What is not set says nothing, and is left with the rest.
    names = [key for key, value in config.items() if key not in HOUSEKEEPING and value not in (None, {}, [], "")]
    return MethodSpec(
        name=name,
        label=label,
        implementation="peft",
        peft_type=document.take("run_info.peft_config.peft_type"),
        parameters={key: config.pop(key) for key in names},
    )


def _outcome(document: Document) -> Outcome:
    """Return what is known of how a run ended: their script calls every error "canceled" and keeps its text."""
    status = document.take("train_info.status")
    message = document.take_if_there("run_info.error_msg") or ""
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
    found: dict[str, Any] = {
        benchmark.memory: document.take(*MEMORY_KEYS),
        "reported_train_seconds": document.take("train_info.train_time"),
        "checkpoint_bytes": document.take("train_info.file_size"),
        "trainable_parameters": document.take_if_there("train_info.num_trainable_params"),
        "step_seconds": step_seconds,
        "train_seconds": steps * step_seconds if ended and step_seconds is not None else None,
    }
    if document.look("train_info.metrics"):
        theirs, ours = benchmark.quality
        found[ours] = document.take_if_there(f"train_info.metrics.-1.{theirs}")
        if ours == "accuracy":
            found["accuracy_published"] = found[ours]
        theirs, ours = benchmark.retention
        found[ours] = document.take_if_there(f"train_info.metrics.-1.{theirs}")
    _drop_placeholder(found, "checkpoint_bytes", MISSING_SIZE_BYTES, placeholders)
    _drop_placeholder(found, benchmark.retention[1], MISSING_RETENTION, placeholders)
    return {name: float(value) for name, value in found.items() if value is not None}


def _drop_placeholder(found: dict[str, Any], name: str, placeholder: float, placeholders: dict[str, str]) -> None:
    """Make a figure missing that stands for one, and remember what stood there."""
    value = found.get(name)
    if value is not None and (value == placeholder or not math.isfinite(value)):
        placeholders[name] = "NaN" if math.isnan(value) else str(value)
        found[name] = None


def _timed_steps(document: Document) -> tuple[float | None, int]:
    """Return the mean seconds of a step, from the sums that their log has for each stretch, and the steps timed."""
    timed = [entry for entry in document.look("train_info.metrics") or [] if "train time" in entry]
    num_steps = max((entry["step"] for entry in timed), default=0)
    return (math.fsum(entry["train time"] for entry in timed) / num_steps if num_steps else None), num_steps


def _covers(benchmark: Benchmark, metrics: dict[str, float], steps: int, document: Document) -> dict[str, str]:
    covers = {name: text for name, text in benchmark.covers.items() if name in metrics}
    _, num_timed = _timed_steps(document)
    if "train_seconds" in metrics and num_timed < steps:
        covers["train_seconds"] = f"all {steps} steps, scaled up from the {num_timed} that were timed"
    return covers


def _num_items(accuracy: float | None, benchmark: Benchmark) -> int | None:
    """Return the size of the test set, unless the accuracy is no share of so many questions."""
    size = benchmark.num_items
    if accuracy is None or size is None or abs(accuracy * size - round(accuracy * size)) > 1e-6:
        return None
    return size


def _standard_errors(accuracy: float | None, num_items: int | None) -> dict[str, float]:
    if accuracy is None or num_items is None:
        return {}
    return {"accuracy": (accuracy * (1 - accuracy) / num_items) ** 0.5}


def _provenance(document: Document) -> Provenance:
    info: dict[str, Any] = document.look("meta_info.package_info", {})
    versions = [key for key, version in info.items() if key.endswith("-version") and isinstance(version, str)]
    system = document.look("meta_info.system_info", {})
    return Provenance(
        packages={key.removesuffix("-version"): info.pop(key) for key in versions},
        python=None,
        git_commit=None,
        platform=f"{system.get('system')} {system.get('machine')}",
        device=document.take(*DEVICE_KEYS),
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
