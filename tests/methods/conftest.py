from collections.abc import Callable
from typing import Any

import pytest

from paretune.engine import Batches, Training, make_batches, train
from paretune.methods import Context, Method, build, resolve
from paretune.models import LoadedModel, load_model
from paretune.spec import MethodEntry, Recipe
from paretune.tasks import get_task

RECIPE = Recipe(steps=12, batch_size=4)
TASK = {"train_size": 48, "validation_size": 4, "test_size": 4}


class Trained:
    """A method trained for a few steps on the toy model, with what is needed to look at it."""

    def __init__(self, entry: MethodEntry, learning_rate: float | None = None, recipe: Recipe = RECIPE) -> None:
        import torch

        from paretune.methods import prior_learning_rate

        self.spec = resolve(entry)
        self.base = load_model("toy:llama")
        self.method: Method = build(self.spec)
        rate = learning_rate or prior_learning_rate(self.spec) or 1e-2
        self.context = Context(recipe, rate, 0, self.base.tokenizer)
        torch.manual_seed(0)
        self.model = self.method.wrap(self.base.model, self.context)
        self.batches: Batches = make_batches(
            get_task("word_problems", TASK).examples("train"), self.base.tokenizer, recipe, 0
        )
        self.method.before_training(self.model, self.context, self.batches)
        self.optimizer = self.method.optimizer(self.model, self.context)
        self.before = {
            name: parameter.detach().clone()
            for name, parameter in self.model.named_parameters()
            if parameter.requires_grad
        }

    def train(self) -> Training:
        return train(self.model, self.method, self.optimizer, self.batches, self.context.recipe)


@pytest.fixture
def trained() -> Callable[..., Trained]:
    return Trained


@pytest.fixture
def toy() -> LoadedModel:
    return load_model("toy:llama")


@pytest.fixture(scope="session")
def toy_modules() -> Any:
    from paretune.models import module_names

    return module_names("toy:llama")
