"""What is put through a model: the longest batch of its training, and how its loss is taken."""

from collections.abc import Sequence
from typing import Any

import torch

from paretune.estimate.settings import DEFAULT_TEXT_LENGTH, EstimateSettings
from paretune.kinds import BatchSize, Lengths, Workload, kind_of_shape
from paretune.models import ModelShape, processor_of
from paretune.spec import InputError


def padded_lengths(batch_size: int, sequence_length: int) -> list[Lengths]:
    """Return examples of which one has the full length and the others one token less, all of it trained on.

    Lengths differ in real batches, and a batch that holds padding needs a mask, which needs memory.
    """
    shorter = max(1, sequence_length - 1)
    return [Lengths(0, sequence_length), *[Lengths(0, shorter)] * (batch_size - 1)]


def shown_for(shape: ModelShape, settings: EstimateSettings) -> Any:
    """Return a picture as the model is shown it, where its kind sees pictures, and None elsewhere.

    Raises `InputError` where there is no processor, or it refuses the picture.
    """
    kind = kind_of_shape(shape)
    return kind.shown(shape.tokenizer or processor_of(shape), settings.resolution) if kind.sees else None


def workload_for(
    shape: ModelShape, settings: EstimateSettings, lengths: Sequence[Lengths], shown: Any = None
) -> Workload:
    """Return the batch that fits the kind of model, and our objective for it.

    `shown` is what `shown_for` returns. Raises `InputError` for a kind of model that is not estimated.
    """
    kind, dtype = kind_of_shape(shape), getattr(torch, settings.recipe.dtype)
    text_length = settings.sequence_length or DEFAULT_TEXT_LENGTH
    workload = kind.workload(shape.config, BatchSize(lengths, dtype, text_length, settings.resolution, shown))
    if workload is None:
        raise InputError(f'model "{shape.name}": memory of the kind "{kind.name}" is not predicted')
    return workload._replace(objective=kind.by_recipe(workload.objective, settings.recipe))
