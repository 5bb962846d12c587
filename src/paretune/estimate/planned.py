"""Memory that planned trials take of each device, without weights and without a GPU."""

from functools import partial
from typing import NamedTuple

from paretune.estimate.estimate import needed_bytes
from paretune.estimate.generation import Questions
from paretune.estimate.predict import Asked, MakeWorkload, predict
from paretune.estimate.settings import EstimateSettings
from paretune.estimate.sharded import sharded_log
from paretune.estimate.workload import workload_for
from paretune.kinds import Lengths
from paretune.methods import build, resolve, without_schedule
from paretune.models import ModelShape
from paretune.spec import MethodEntry, MethodSpec


class TrainingMemory(NamedTuple):
    """What training takes."""

    needed_bytes: int
    """On each device: what PyTorch's allocator reserves, or live bytes without an accelerator."""
    trainable_parameters: int
    total_parameters: int
    """With those of the method."""


def training_memory(
    shape: ModelShape, spec: MethodSpec, settings: EstimateSettings, make_workload: MakeWorkload
) -> TrainingMemory:
    """Return what a method's training takes of each of `settings.num_devices`, for one device's rows of a batch.

    Raises as `predict` does.
    """
    make = partial(build, without_schedule(spec))
    asked = Asked(num_devices=settings.num_devices, cpu_offload=settings.cpu_offload)
    found = predict(shape, make, settings, make_workload, asked)
    log = found.log if found.shards is None else sharded_log(found.log, found.shards)
    return TrainingMemory(needed_bytes(log, settings), found.trainable_parameters, found.total_parameters)


def answer_bytes(shape: ModelShape, settings: EstimateSettings, questions: Questions) -> int:
    """Return what the base model takes while it answers, all devices together. Raises as `predict` does."""
    make = partial(build, resolve(MethodEntry(name="base")))
    lengths = [Lengths(questions.prompt_length, 1)]
    found = predict(shape, make, settings, lambda: workload_for(shape, settings, lengths), Asked(questions))
    assert found.generation is not None
    return needed_bytes(found.generation, settings)
