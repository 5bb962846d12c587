"""What is done with a base model in a trial, by its kind: the part of a trial that training itself does not know."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import ClassVar, NamedTuple

import torch

from paretune.engine import DataBatch
from paretune.execute.events import Listener
from paretune.measure import Phases
from paretune.methods import Method, ModelKind, Objective
from paretune.models import LoadedModel
from paretune.models.hardware import default_device
from paretune.spec import Phase, Trial
from paretune.store import Item, KeptPicture


class TrainingData(NamedTuple):
    """Training data."""

    batches: Iterable[DataBatch]
    """Without end; iterating again begins again with the same order."""
    longest: Iterable[DataBatch]
    """Likewise, of the examples that need most memory."""
    num_left_out: int
    """Training examples that were longer than the recipe allows."""
    num_validation_left_out: int = 0
    """Validation examples likewise: the validation loss is over the others."""


class Evaluation(NamedTuple):
    """What a saved, reloaded method does with a task, and with what the base model could do before."""

    metrics: dict[str, float]
    standard_errors: dict[str, float]
    groups: dict[str, dict[str, float]]
    items: Sequence[Item]
    text_loss_changes: tuple[float, ...] = ()
    drifts: tuple[float, ...] = ()
    pictures: Sequence[KeptPicture] = ()


def keep_answer_peak(metrics: dict[str, float], phases: Phases, peak_bytes: int) -> None:
    """Note what generation needed. On an accelerator the phase has the allocator's own peak already."""
    metrics["answer_peak_bytes"] = float(peak_bytes)
    if not torch.cuda.is_available():
        phases.counted(Phase.TEST, peak_bytes)


class ModelWorkflow(ABC):
    """One trial's model, data and questions."""

    model_kind: ClassVar[ModelKind] = "causal-lm"

    def __init__(self, trial: Trial) -> None:
        self.trial = trial

    @property
    @abstractmethod
    def objective(self) -> Objective:
        """Return what training minimises. May be asked for after `load` only."""

    @abstractmethod
    def load(self) -> LoadedModel:
        """Return the fresh base model on the device where it is trained and asked. May be called again."""

    @abstractmethod
    def training_data(self) -> TrainingData:
        """Return the training data. Called once, after `load`."""

    @abstractmethod
    def validation_loss(self, model: torch.nn.Module) -> float:
        """Return the loss per term on the validation split."""

    @abstractmethod
    def evaluate(
        self, loaded: LoadedModel, method: Method, checkpoint: Path, phases: Phases, listener: Listener
    ) -> Evaluation:
        """Attach a saved method to a fresh base model and put the trial's questions to it, measuring what it asks for.

        What the base did before is read before the method is attached.
        """

    @staticmethod
    def on_device(loaded: LoadedModel) -> LoadedModel:
        """Return the same with the model on the accelerator, where there is one."""
        return loaded._replace(model=loaded.model.to(default_device()))
