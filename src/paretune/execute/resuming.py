"""Resuming a training where an earlier trial of the same study stopped."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple, Protocol, SupportsInt

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import nn
from torch.optim import Optimizer

from paretune.engine import Training, TrainingState, state_of
from paretune.spec import Trial
from paretune.store.atomic import refusing
from paretune.store.training_states import TrainingStates


class Stopped(NamedTuple):
    """A training that has run some of its steps."""

    training: Training
    state: TrainingState
    most_at_once: int
    """The most trials that ran at once while it did."""


class Resuming(Protocol):
    """Keeps trainings that may be resumed."""

    def find(self, trial: Trial) -> Stopped | None:
        """Return how far an earlier trial came with this trial's training, or None where it has to begin."""

    def keep(self, trial: Trial, model: nn.Module, optimizer: Optimizer, training: Training) -> None:
        """Keep where a trial's training has come to, for trials to come."""


class FromTheStart:
    """Every training runs its first step itself, and leaves nothing."""

    def find(self, trial: Trial) -> None:
        """Return None."""

    def keep(self, trial: Trial, model: nn.Module, optimizer: Optimizer, training: Training) -> None:
        """Keep nothing."""


class StoredTrainings:
    """Trainings in a study's folder, for one trial. They hold in one environment only: another processor may round
    otherwise.
    """

    def __init__(self, folder: Path, environment: Mapping[str, Any], concurrent_workers: SupportsInt = 1) -> None:
        """`folder` is the store's; `environment` is plain JSON: all about this process that may change a value.

        `concurrent_workers` is the most trials that ran at once so far.
        """
        self._states = TrainingStates(folder)
        self._environment = dict(environment)
        self._concurrent_workers = concurrent_workers
        self._most_at_once = 1

    def find(self, trial: Trial) -> Stopped | None:
        """Return how far an earlier trial came with this trial's training, or None.

        That is also where the file cannot be read, where it went on for longer than this trial does, and where this
        trial's clocks and peaks are a result and the earlier one's are not: it did not run alone, or on an accelerator,
        whose peaks belong to a process.
        """
        about = self._states.about(trial)
        if about is None or about.get("environment") != self._environment:
            return None
        training = Training(tuple(about["losses"]), tuple(about["step_seconds"]))
        if len(training.losses) > trial.recipe.trained_steps:
            return None
        if not trial.tunes and (about["most_at_once"] > 1 or torch.accelerator.is_available()):
            return None
        try:
            with safe_open(self._states.file(trial), "pt") as file:
                tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (no mapping)
        except (OSError, SafetensorError):
            return None
        self._most_at_once = about["most_at_once"]
        return Stopped(training, TrainingState(tensors, about["numbers"]), about["most_at_once"])

    def keep(self, trial: Trial, model: nn.Module, optimizer: Optimizer, training: Training) -> None:
        """Keep where a tuning trial's training has come to, where the disk has room to spare.

        Raises `InputError` where it cannot be written.
        """
        if not trial.tunes:
            return
        state = state_of(model, optimizer)
        about = {
            "losses": training.losses,
            "step_seconds": training.step_seconds,
            "numbers": state.numbers,
            "most_at_once": max(self._most_at_once, int(self._concurrent_workers)),
            "environment": self._environment,
        }
        file = self._states.file(trial)
        temporary = file.with_name(f".{file.name}.{os.getpid()}.tmp")
        with refusing(file, "free space, then run again"):
            if self._states.has_room(trial, sum(tensor.nbytes for tensor in state.tensors.values())):
                save_file(dict(state.tensors), temporary, metadata=self._states.metadata(about))
                temporary.replace(file)
