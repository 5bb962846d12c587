"""Sharing a training step among processes that torchrun started: each takes its rows of every batch."""

from collections.abc import Iterator
from itertools import islice
from typing import Any

from accelerate import Accelerator
from torch import nn

from paretune.engine.batches import DataBatch
from paretune.engine.sharding import ShardedAccelerator, is_sharded
from paretune.spec import InputError, Recipe


def accelerator_for(recipe: Recipe, model: nn.Module) -> Accelerator:
    """Return this process's device and its place among the processes, which share a sharded model's parameters too.

    Raises `InputError` where the batch size cannot be shared equally.
    """
    accelerator = ShardedAccelerator() if is_sharded(model) else Accelerator()
    if recipe.batch_size % accelerator.num_processes:
        raise InputError(
            f"recipe: batch_size = {recipe.batch_size} cannot be shared by {accelerator.num_processes} processes; "
            "make it a multiple of them"
        )
    return accelerator


def next_step(stream: Iterator[DataBatch], recipe: Recipe, accelerator: Accelerator) -> tuple[list[Any], int]:
    """Return this process's parts of the next step's batches, and the number of loss terms of the whole step."""
    batches = list(islice(stream, recipe.gradient_accumulation))
    parts = [_rows_of(batch, accelerator.process_index, accelerator.num_processes) for batch in batches]
    return [part.to(accelerator.device) for part in parts], sum(batch.num_terms for batch in batches)


def _rows_of(batch: DataBatch, process: int, num_processes: int) -> DataBatch:
    """Return one process's rows of a batch."""
    if num_processes == 1:
        return batch
    make: Any = type(batch)
    share: DataBatch = make(*(tensor[process::num_processes] for tensor in batch))
    return share
