"""A few steps of the one training loop with fake tensors, and what they did to memory."""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn

from paretune.engine import train
from paretune.kinds import Workload
from paretune.measure import StorageLog, count_memory, trainable_parameters
from paretune.methods import Context, Method
from paretune.methods.precision import as_loaded

STEPS = 2
"""The optimizer's states exist from the end of the first step on, so the second shows the most."""


class TrainedOnPaper(NamedTuple):
    """What a few steps needed."""

    log: StorageLog
    trainable_parameters: int


def train_on_paper(
    model: nn.Module, method: Method, context: Context, workload: Workload, base: Sequence[Tensor]
) -> TrainedOnPaper:
    """Return what the loop does to memory on a workload. `base` are the tensors of the base model.

    The model is spent afterwards.
    """
    method.before_training(model, context, workload.batches)
    recipe = context.recipe.model_copy(update={"steps": STEPS, "warmup_ratio": 0.0, "gradient_accumulation": 1})
    counts: list[int] = []

    def steps() -> None:
        optimizer = method.optimizer(model, context)
        train(model, method, optimizer, workload.batches, recipe, objective=workload.objective)
        counts.append(trainable_parameters(optimizer))

    log = count_memory(model, steps, base=base, logits_width=workload.logits_width)
    return TrainedOnPaper(log, counts[0])


def base_tensors(model: nn.Module) -> list[Tensor]:
    """Return a model's parameters and buffers, before a method adds its own."""
    return [*model.parameters(), *model.buffers()]


def in_format(model: nn.Module, base: Sequence[Tensor], dtypes: Sequence[torch.dtype]) -> nn.Module:
    """Return the model as it is once saved and loaded again: base tensors in their own formats, nothing trained."""
    as_loaded(model)
    for tensor, dtype in zip(base, dtypes, strict=True):
        if tensor.dtype != dtype:
            tensor.data = tensor.data.to(dtype)
    return model.requires_grad_(False).eval()
