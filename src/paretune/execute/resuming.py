"""Resuming a training where an earlier trial of the same study stopped."""

import os
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple, Protocol, SupportsInt

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from paretune.engine import Training, TrainingState
from paretune.kinds import Kind
from paretune.methods import Method
from paretune.models.free_memory import free_main_memory
from paretune.plugins import is_ours
from paretune.spec import Recipe, Trial
from paretune.store.training_states import AboutState, TrainingStates

MOST_OF_FREE_MEMORY = 0.2
"""Share of the free main memory that the copy of a state may take."""


class Stopped(NamedTuple):
    """A training that has run some of its steps."""

    training: Training
    state: TrainingState
    validation_loss: float
    """After the last of these steps."""
    most_at_once: int = 1
    """The most trials that ran at once while it did."""


class Resuming(Protocol):
    """Keeps trainings that may be resumed."""

    def find(self, trial: Trial) -> Stopped | None:
        """Return how far an earlier trial came with this trial's training, or None where it has to begin."""

    def has_room(self, trial: Trial, num_bytes: int) -> bool:
        """Tell whether a state of this size would be kept."""

    def keep(self, trial: Trial, stopped: Stopped) -> None:
        """Keep where a trial's training has come to, for trials to come."""


class FromTheStart:
    """Every training runs its first step itself, and leaves nothing."""

    def find(self, trial: Trial) -> None:
        """Return None."""

    def has_room(self, trial: Trial, num_bytes: int) -> bool:  # noqa: ARG002 (the signature of `Resuming`)
        """Return False."""
        return False

    def keep(self, trial: Trial, stopped: Stopped) -> None:
        """Keep nothing."""


FROM_THE_START: Resuming = FromTheStart()
"""For a trial that stands alone."""


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

    def find(self, trial: Trial) -> Stopped | None:
        """Return how far an earlier trial came with this trial's training, or None.

        None also for a file that cannot be read, where `TrainingStates.usable` refuses it, and on an accelerator for a
        trial whose peak is a result: it belongs to a process.
        """
        about = self._states.usable(trial)
        if about is None or about.environment != self._environment:
            return None
        if not trial.tunes and torch.accelerator.is_available():
            return None
        training = Training(about.losses, about.step_seconds)
        try:
            with safe_open(self._states.file(trial), "pt") as file:
                tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (no mapping)
        except (OSError, SafetensorError):
            return None
        state = TrainingState(tensors, about.numbers)
        return Stopped(training, state, about.validation_loss, about.most_at_once)

    def has_room(self, trial: Trial, num_bytes: int) -> bool:
        """Tell whether disk and memory have room to spare for a state, or for the copy that is written."""
        free = free_main_memory()
        if free is not None and num_bytes > MOST_OF_FREE_MEMORY * free:
            return False
        try:
            return self._states.has_room(trial, num_bytes)
        except OSError as error:
            _warn_of(self._states.file(trial), error)
            return False

    def keep(self, trial: Trial, stopped: Stopped) -> None:
        """Keep where a training has come to, unless a trial came further. Say so where it cannot be written."""
        training, state = stopped.training, stopped.state
        about = AboutState(
            losses=training.losses,
            step_seconds=training.step_seconds,
            validation_loss=stopped.validation_loss,
            numbers=dict(state.numbers),
            most_at_once=max(stopped.most_at_once, int(self._concurrent_workers)),
            environment=self._environment,
        )
        earlier = self._states.about(trial)
        if earlier and earlier.environment == self._environment and earlier.num_steps > about.num_steps:
            return
        file = self._states.file(trial)
        temporary = file.with_name(f".{file.name}.{os.getpid()}.tmp")
        try:
            save_file(dict(state.tensors), temporary, metadata=self._states.metadata(about))
            temporary.replace(file)
        except (OSError, SafetensorError) as error:
            temporary.unlink(missing_ok=True)
            _warn_of(file, error)


def may_resume(kind: Kind[Any], method: Method, recipe: Recipe) -> bool:
    """Tell whether a training may stop and go on: of other packages' code nothing is known, nor when it changes.

    What is compiled anew in each part would have step times of its own.
    """
    return is_ours(kind) and is_ours(method) and method.resumes and not recipe.compile


def _warn_of(file: Path, error: Exception) -> None:
    lost = f"{file.parent.name}/{file.name}: could not be written, so later trials train these steps again: {error}"
    warnings.warn(lost, stacklevel=3)
