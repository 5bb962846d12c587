"""Estimates of memory for methods on a model, as a person asks for them."""

import time
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Literal

from paretune.estimate.budgets import TwoBatches, answer_budget
from paretune.estimate.generation import Questions
from paretune.estimate.gpus import workspaces
from paretune.estimate.lengths import LongestBatch, longest_batch
from paretune.estimate.predict import Asked, Prediction, predict
from paretune.estimate.quantised import layout_for
from paretune.estimate.settings import EstimateSettings
from paretune.estimate.sharded import ASSUMPTIONS, OFFLOADED, sharded_log
from paretune.estimate.workload import workload_for
from paretune.kinds import Lengths, kind_of_shape
from paretune.measure import StorageLog, replay
from paretune.measure.storage_log import same_course
from paretune.methods import build, method_cards, resolve, without_schedule
from paretune.models import ModelShape, find_shape
from paretune.spec import InputError, MethodEntry, MethodSpec, Recipe, one_line
from paretune.spec.memory import BudgetAnswer, Estimates, MemoryEstimate, MemoryPeak, NotEstimated, ShardedMemory

_ON_CUDA = (
    "reserved: PyTorch's allocator with its default settings, which starts from an empty cache and the workspaces that "
    "cuBLAS takes on {card}; the CUDA context, some hundred MB, comes on top"
)


def estimate_memory(
    model: str,
    methods: str | Sequence[str | MethodEntry] = "lora",
    *,
    batch_size: int = 4,
    sequence_length: int | None = None,
    data: Path | None = None,
    dtype: Literal["float32", "bfloat16"] = "bfloat16",
    trainable_dtype: Literal["float32", "as_base"] = "float32",
    optimizer: Literal["adamw", "sgd"] = "adamw",
    gradient_checkpointing: bool = False,
    loss_chunks: int = 1,
    quantisation: str | None = None,
    budgets: Sequence[int] = (),
    gpu: str | None = None,
    num_devices: int = 1,
    answer_batch_size: int = 16,
    **settings: Any,
) -> Estimates:
    """Return an estimate for each method, from the model's configuration alone: no weights, no GPU.

    `methods` is "all", one name, or several names and entries with parameters. `quantisation` is a format
    such as "nf4", as in a recipe. `budgets` are bytes. `gpu` is a card such as "h100": its memory is a budget as well.
    Further `settings` are those of `EstimateSettings`. A method that does not go with the model is reported as
    `NotEstimated`. Raises `InputError` for what a person can mend.
    """
    recipe = Recipe.read(
        {
            "batch_size": batch_size,
            "dtype": dtype,
            "trainable_dtype": trainable_dtype,
            "optimizer": optimizer,
            "gradient_checkpointing": gradient_checkpointing,
            "loss_chunks": loss_chunks,
            "answer_batch_size": answer_batch_size,
            "quantisation": settings.pop("quantised", quantisation),  # an earlier name
        },
        "estimate",
    )
    values: dict[str, Any] = {
        "sequence_length": sequence_length,
        "data": data,
        "num_devices": num_devices,
        "gpu": gpu,
    }
    values |= {"recipe": recipe, "budgets": tuple(budgets), **settings}
    shape = find_shape(model)
    return Estimates(estimates(shape, method_specs(methods), EstimateSettings.read(values, "estimate")))


def method_specs(methods: str | Sequence[str | MethodEntry]) -> list[MethodSpec]:
    """Return what is asked for by "all", a name, or names and entries. Raises `InputError` for an unknown name."""
    if methods == "all":
        return [resolve(MethodEntry(name=card.name)) for card in method_cards()]
    named = [methods] if isinstance(methods, str) else methods
    return [resolve(MethodEntry(name=entry) if isinstance(entry, str) else entry) for entry in named]


def estimates(
    shape: ModelShape, specs: Sequence[MethodSpec], settings: EstimateSettings
) -> Iterator[MemoryEstimate | NotEstimated]:
    """Yield an estimate for each method, in their order, each as soon as it is there.

    Raises `InputError` at once for a kind of model that is not known, and for settings that the model cannot have.
    """
    kind_of_shape(shape)
    layout_for(shape, settings)
    batch = longest_batch(shape, settings)
    return (_one(shape, spec, settings, batch) for spec in specs)


def _one(
    shape: ModelShape, spec: MethodSpec, settings: EstimateSettings, batch: LongestBatch
) -> MemoryEstimate | NotEstimated:
    began = time.perf_counter()
    lengths = batch.lengths
    asked = Asked(
        _questions(shape, settings, lengths),
        checkpoint=True,
        num_devices=settings.num_devices,
        cpu_offload=settings.cpu_offload,
    )
    try:
        found = _predict(shape, spec, settings, batch, asked)
        needed = partial(needed_bytes, settings=settings)
        budgets: tuple[BudgetAnswer, ...] = ()
        if settings.all_budgets and found.trainable_parameters:
            batches = _two_batches(shape, spec, settings, batch, found)
            at_asked = needed(_on_one_device(found.log, found))
            budgets = tuple(
                answer_budget(budget, len(lengths), at_asked, batches, needed) for budget in settings.all_budgets
            )
    except InputError as error:
        return NotEstimated(model=shape.name, method=spec.label, reason=one_line(error))
    except Exception as error:  # what a method or a library cannot do with this model is its row's result
        return NotEstimated(
            model=shape.name, method=spec.label, reason=f"{type(error).__name__}: {one_line(error)[:200]}"
        )
    return MemoryEstimate(
        model=shape.name,
        method=spec.label,
        device=settings.device,
        gpu=settings.gpu,
        batch_size=len(lengths),
        sequence_length=max(map(sum, lengths)),
        dtype=settings.recipe.dtype,
        quantisation=layout.format if (layout := layout_for(shape, settings)) else None,
        gradient_checkpointing=settings.recipe.gradient_checkpointing,
        loss_chunks=settings.recipe.loss_chunks,
        train=peak_of(found.log, settings),
        generate=None if found.generation is None else peak_of(found.generation, settings),
        generate_batch_size=_answered_together(spec, asked.questions, shape),
        trainable_parameters=found.trainable_parameters,
        total_parameters=found.total_parameters,
        checkpoint_bytes=found.checkpoint_bytes,
        budgets=budgets,
        sharded=_sharded(found, settings),
        assumptions=_assumptions(shape, settings),
        seconds=time.perf_counter() - began,
    )


def peak_of(log: StorageLog, settings: EstimateSettings) -> MemoryPeak:
    """Return the peak of a log, with what would be reserved for it where there is such an allocator."""
    peak = log.peak()
    if settings.device == "cpu":
        return peak
    return peak.model_copy(update={"reserved_bytes": _reserved(log, settings)})


def needed_bytes(log: StorageLog, settings: EstimateSettings) -> int:
    """Return what a device must have free for a log."""
    return log.peak().peak_bytes if settings.device == "cpu" else _reserved(log, settings)


def _reserved(log: StorageLog, settings: EstimateSettings) -> int:
    return replay(log, held_from_the_start=workspaces(log, settings.card)).peak()


def _predict(
    shape: ModelShape, spec: MethodSpec, settings: EstimateSettings, batch: LongestBatch, asked: Asked
) -> Prediction:
    # An estimate's training has no length of its own, so a schedule of the method follows it: no byte depends on it.
    make_workload = partial(workload_for, shape, settings, *batch)
    return predict(shape, partial(build, without_schedule(spec)), settings, make_workload, asked)


def _two_batches(
    shape: ModelShape, spec: MethodSpec, settings: EstimateSettings, batch: LongestBatch, found: Prediction
) -> TwoBatches:
    """Return one device's logs at the batch size that was asked for and at one more; a batch of one is special, so not
    at one."""
    lengths = batch.lengths
    size = max(2, len(lengths))
    typical = [lengths[-1]] if len(lengths) > 1 else [Lengths(lengths[0].prompt, max(1, lengths[0].answer - 1))]

    def log(num_examples: int) -> StorageLog:
        more = [*lengths, *typical * (num_examples - len(lengths))]
        return _on_one_device(_predict(shape, spec, settings, batch._replace(lengths=more), Asked()).log, found)

    first = _on_one_device(found.log, found) if size == len(lengths) else log(size)
    second = log(size + 1)
    if not same_course(first, second):  # operators choose their ways by size; larger batches more often agree
        third = log(size + 2)
        if same_course(second, third):
            return TwoBatches(size + 1, second, third)
    return TwoBatches(size, first, second)


def _questions(shape: ModelShape, settings: EstimateSettings, lengths: Sequence[Lengths]) -> Questions | None:
    if not kind_of_shape(shape).generates:
        return None
    longest = max(lengths, key=sum)
    prompt = settings.prompt_length or longest.prompt or max(1, sum(longest) // 2)
    return Questions(settings.recipe.answer_batch_size, prompt, settings.new_tokens)


def _answered_together(spec: MethodSpec, questions: Questions | None, shape: ModelShape) -> int | None:
    if questions is None:
        return None
    kind, tied = kind_of_shape(shape).name, shape.ties_embeddings
    return 1 if build(spec).answers_alone(tied_embeddings=tied, model_kind=kind) else questions.batch_size


def _on_one_device(log: StorageLog, found: Prediction) -> StorageLog:
    """Return the log of one device's share where training is sharded, and the log as it is elsewhere."""
    return log if found.shards is None else sharded_log(log, found.shards)


def _sharded(found: Prediction, settings: EstimateSettings) -> ShardedMemory | None:
    if found.shards is None:
        return None
    train = peak_of(_on_one_device(found.log, found), settings)
    said = (*ASSUMPTIONS, OFFLOADED) if settings.cpu_offload else ASSUMPTIONS
    return ShardedMemory(
        num_devices=settings.num_devices, cpu_offload=settings.cpu_offload, train=train, assumptions=said
    )


def _assumptions(shape: ModelShape, settings: EstimateSettings) -> tuple[str, ...]:
    said = [f"the model config is taken from {shape.source}"]
    said += kind_of_shape(shape).assumptions(own_data=settings.data is not None)
    if settings.device == "cuda":
        said.append(_ON_CUDA.format(card=settings.gpu or "Hopper cards, where they are largest"))
    layout = layout_for(shape, settings)
    if layout is not None:
        whose = "" if settings.recipe.quantisation else ", as the model's own configuration says"
        said.append(
            f"linear layers in {layout.format} by the layouts of {layout.package}{whose}, the rest in "
            f"{settings.recipe.dtype}"
        )
    return tuple(said)
