"""Memory of trials that are trained in one pass: the base model once, everything else once for each trial."""

from collections.abc import Sequence
from functools import partial
from typing import NamedTuple

import torch

from paretune.estimate.estimate import needed_bytes
from paretune.estimate.predict import Prediction, predict
from paretune.estimate.settings import EstimateSettings
from paretune.estimate.workload import workload_for
from paretune.kinds import Lengths
from paretune.measure import StorageLog
from paretune.methods import build, without_schedule
from paretune.models import ModelShape
from paretune.spec import MethodSpec
from paretune.spec.memory import MemoryKind

_GRADIENT_BYTES = 4
"""The check keeps each trial's gradients in float32 while it computes them again with the others."""


class PackMemory(NamedTuple):
    """What training takes, in bytes."""

    base_bytes: int
    """Weights of the base model, which all trials share."""
    trial_bytes: int
    """What each trial adds: adapter, gradients, optimizer state, activations, and logits of its rows."""

    def of(self, num_trials: int) -> int:
        """Return what so many trials take in one pass."""
        return self.base_bytes + num_trials * self.trial_bytes

    def most(self, free_bytes: float, limit: int) -> int:
        """Return how many fit into so much, at most `limit`; 1 where not even two do."""
        return max([1, *(number for number in range(2, limit + 1) if self.of(number) <= free_bytes)])


def pack_memory(
    shape: ModelShape,
    spec: MethodSpec,
    settings: EstimateSettings,
    longest: Sequence[Lengths],
    first: Sequence[Lengths],
) -> PackMemory:
    """Return what a trial takes in a pack, from the model's configuration alone.

    `longest` are the lengths of the longest batch of training. `first` are those of the first batch: the check before
    the first step pads it to twice its width, and keeps gradients, but no optimizer state exists then. Raises as
    `predict` does.
    """
    padded = _padded(first)
    training, check = (_predicted(shape, spec, settings, lengths) for lengths in (longest, padded))
    base = training.log.peak().by_kind[MemoryKind.BASE_WEIGHTS]
    of_training = needed_bytes(training.log, settings) - base + _joined_bytes(shape, settings, longest)
    of_check = (
        needed_bytes(_before_the_first_update(check.log), settings) - base + _joined_bytes(shape, settings, padded)
    )
    return PackMemory(base, max(of_training, of_check + _GRADIENT_BYTES * check.trainable_parameters))


def _padded(first: Sequence[Lengths]) -> list[Lengths]:
    """Return the lengths of a batch at twice its width. All rows but one are a token shorter: padding needs a mask."""
    width = 2 * max(map(sum, first))
    return [Lengths(width - min(number, 1) - answer, answer) for number, (_, answer) in enumerate(first)]


def _joined_bytes(shape: ModelShape, settings: EstimateSettings, lengths: Sequence[Lengths]) -> int:
    """Return the bytes of one trial's rows as a layer gives them: there they are once by themselves and once joined."""
    tokens = len(lengths) * max(map(sum, lengths))
    dtype: torch.dtype = getattr(torch, settings.recipe.dtype)
    return tokens * int(shape.config.get("hidden_size", 0)) * dtype.itemsize


def _predicted(
    shape: ModelShape, spec: MethodSpec, settings: EstimateSettings, lengths: Sequence[Lengths]
) -> Prediction:  # fmt: skip
    make = partial(build, without_schedule(spec))
    return predict(shape, make, settings, lambda: workload_for(shape, settings, lengths))


def _before_the_first_update(log: StorageLog) -> StorageLog:
    stop = next(mark.position for mark in log.marks if mark.name == "optimizer")
    marks = tuple(mark for mark in log.marks if mark.position < stop)
    return StorageLog(log.storage[:stop], log.change_bytes[:stop], log.kind, marks)
