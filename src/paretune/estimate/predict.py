"""One method on one model: from the shape to the log of what its training does to memory."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from torch import Tensor, nn

from paretune.estimate.checkpoint import checkpoint_bytes
from paretune.estimate.fake.fake_tensors import fake_tensors
from paretune.estimate.generation import Questions, generation_log
from paretune.estimate.settings import EstimateSettings
from paretune.estimate.sharded import Shards, shards_of
from paretune.estimate.skeleton import build_skeleton
from paretune.estimate.training import base_tensors, in_format, train_on_paper
from paretune.kinds import Workload, kind_of_shape
from paretune.measure import StorageLog, count_memory
from paretune.methods import Context, Method
from paretune.models import ModelShape
from paretune.models.toy import toy_tokenizer

MakeWorkload = Callable[[], Workload]

_LEARNING_RATE = 1e-4
"""Any rate: it changes no byte."""


class Asked(NamedTuple):
    """What to find out in addition to the training's log."""

    questions: Questions | None = None
    checkpoint: bool = False
    num_devices: int = 1
    cpu_offload: bool = False


NOTHING_ELSE = Asked()


class Prediction(NamedTuple):
    """What was found out."""

    log: StorageLog
    """Training; where nothing is trained, the model as loaded."""
    trainable_parameters: int
    total_parameters: int
    checkpoint_bytes: int | None
    generation: StorageLog | None
    shards: Shards | None


def predict(
    shape: ModelShape,
    make_method: Callable[[], Method],
    settings: EstimateSettings,
    make_workload: MakeWorkload,
    asked: Asked = NOTHING_ELSE,
) -> Prediction:
    """Return what training a method needs on a workload, and what else is asked for.

    Raises `InputError` where the model cannot be built, and what the method raises where it does not go with it.
    """
    with fake_tensors(settings.device) as device:
        model = build_skeleton(shape, settings, device)
        base = base_tensors(model)
        dtypes = [tensor.dtype for tensor in base]
        method = make_method()
        workload = make_workload()
        kind = kind_of_shape(shape)
        context = kind.context(settings.recipe, _LEARNING_RATE, 0, toy_tokenizer(), workload.objective)
        wrapped = method.wrap(model, context)
        shards = None
        if asked.num_devices > 1:
            shards = shards_of(wrapped, asked.num_devices, cpu_offload=asked.cpu_offload)
        questions = _asked_together(asked.questions, method, shape)
        log, trainable = _training(wrapped, method, context, workload, base)
        return Prediction(
            log=log,
            trainable_parameters=trainable,
            total_parameters=sum(parameter.numel() for parameter in wrapped.parameters()),
            checkpoint_bytes=checkpoint_bytes(method, wrapped) if asked.checkpoint else None,
            generation=_generation(in_format(wrapped, base, dtypes), questions, workload, base),
            shards=shards,
        )


def _training(
    model: nn.Module, method: Method, context: Context, workload: Workload, base: Sequence[Tensor]
) -> tuple[StorageLog, int]:
    """Return the log of training and the number of trainable parameters."""
    if not method.trains:
        return count_memory(model, lambda: None, base=base), 0
    trained = train_on_paper(model, method, context, workload, base)
    return trained.log, trained.trainable_parameters


def _generation(
    model: nn.Module, questions: Questions | None, workload: Workload, base: Sequence[Tensor]
) -> StorageLog | None:
    return None if questions is None else generation_log(model, questions, workload, base)


def _asked_together(questions: Questions | None, method: Method, shape: ModelShape) -> Questions | None:
    """Return the questions as they are evaluated: with batch size 1 where the method needs that."""
    alone = method.answers_alone(tied_embeddings=shape.ties_embeddings, model_kind=kind_of_shape(shape).name)
    return questions._replace(batch_size=1) if questions is not None and alone else questions
