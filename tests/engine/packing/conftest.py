from collections.abc import Sequence
from typing import Any, NamedTuple

import pytest
import torch

from paretune.engine import Divergence, Training
from paretune.engine.packing import Trainee, packed_answer_losses, sharing_copy, train_packed, weight_sums
from paretune.engine.packing.proof import Clock
from paretune.models import LoadedModel, load_model
from paretune.spec import Recipe
from paretune.testing.toy_training import ToyTraining


class Cell(NamedTuple):
    """What trials of one pack differ in."""

    learning_rate: float | None = None
    seed: int = 0


class Packs:
    """Trains the same trials of a method alone and together, on the toy model."""

    def __init__(self, method: str, recipe: Recipe, cells: Sequence[Cell], **parameters: Any) -> None:
        self.recipe = recipe
        self._method, self._parameters = method, parameters
        self._cells = cells
        self.base: torch.nn.Module | None = None
        """The model of all trials, once they were trained together."""
        self._dtype = torch.float64 if recipe.trainable_dtype == "as_base" else torch.float32

    def alone(self, number: int) -> ToyTraining:
        """Return one of the trials, ready to train."""
        return self._toy(self._cells[number], self._base())

    def together(self, clock: Clock | None = None) -> tuple[list[ToyTraining], list[Training | Divergence]]:
        """Train all at once, with a clock only where that is faster by it; return them and what they came to."""
        base = self._base()
        self.base = base.model
        sums = weight_sums(base.model)
        toys = [self._toy(cell, base._replace(model=sharing_copy(base.model))) for cell in self._cells]
        trainees = [Trainee(toy.model, toy.method, toy.optimizer, toy.batches) for toy in toys]
        return toys, train_packed(base.model, trainees, self.recipe, packed_answer_losses, sums=sums, clock=clock)

    def _base(self) -> LoadedModel:
        base = load_model("toy:llama")
        return base._replace(model=base.model.to(self._dtype))

    def _toy(self, cell: Cell, base: LoadedModel) -> ToyTraining:
        rate, seed = cell
        toy = ToyTraining(
            self._method, self._parameters, learning_rate=rate, recipe=self.recipe, seed=seed, base=base
        )  # fmt: skip
        toy.model.to(self._dtype)
        return toy


@pytest.fixture
def packs() -> type[Packs]:
    return Packs
