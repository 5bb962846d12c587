"""One method trained for a few steps on a language model of two layers, in about a second."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from paretune.engine import Batches, Training, answer_loss, make_batches, train
from paretune.methods import Context, Method, build, prior_learning_rate, resolve
from paretune.models import LoadedModel, load_model
from paretune.spec import MethodEntry, MethodSpec, Recipe
from paretune.tasks import Example

BASE_MODEL = "toy:llama"
RECIPE = Recipe(steps=8, batch_size=4)
FALLBACK_LEARNING_RATE = 1e-2


def toy_examples(number: int = 48) -> list[Example]:
    """Return short sums, all different."""
    return [
        Example(str(n), prompt=f"{n} + {n % 7} =", completion=f" {n + n % 7}", target=str(n + n % 7), group="sums")
        for n in range(number)
    ]


def toy_logits(model: nn.Module) -> Tensor:
    """Return what a language model says about two fixed texts, in eval mode: float, (2, 20 or more, vocabulary).

    Methods that put virtual tokens before a text give more than 20 positions.
    """
    tokens = torch.arange(5, 45).reshape(2, 20)
    with torch.no_grad():
        logits: Tensor = model.eval()(input_ids=tokens, attention_mask=torch.ones_like(tokens)).logits
    return logits


class ToyTraining:
    """A method attached to the toy model and ready to train, with what is needed to look at it.

    The same arguments give the same numbers.
    """

    def __init__(
        self,
        method: str,
        parameters: Mapping[str, Any] | None = None,
        *,
        learning_rate: float | None = None,
        recipe: Recipe = RECIPE,
        seed: int = 0,
        base_model: str = BASE_MODEL,
        base: LoadedModel | None = None,
    ) -> None:
        """Attach a method to `base`, by default to `base_model`, freshly loaded."""
        self.spec: MethodSpec = resolve(MethodEntry(name=method, parameters=dict(parameters or {})))
        self.asked_for = self.spec.canonical_json()
        """The spec as it was before anything was done with it."""
        self.method: Method = build(self.spec)
        base = base or load_model(base_model, recipe.dtype)
        rate = learning_rate or prior_learning_rate(self.spec) or FALLBACK_LEARNING_RATE
        self.context = Context(recipe, rate, seed, base.tokenizer, objective=answer_loss)
        self.batches: Batches = make_batches(toy_examples(), base.tokenizer, recipe, seed)
        torch.manual_seed(seed)
        self.model: nn.Module = self.method.wrap(base.model, self.context)
        self.method.before_training(self.model, self.context, self.batches)
        torch.manual_seed(seed)
        self.optimizer = self.method.optimizer(self.model, self.context)
        self.before = {name: value.detach().clone() for name, value in self.model.named_parameters()}
        """Every parameter as it was before the first step."""
        self.trainable = [name for name, value in self.model.named_parameters() if value.requires_grad]
        """The names of those that are trained."""

    def train(self) -> Training:
        """Train with the one loop, for the recipe's steps."""
        return train(self.model, self.method, self.optimizer, self.batches, self.context.recipe)


def fresh_base(recipe: Recipe = RECIPE) -> nn.Module:
    """Return the toy model without any method, with the same weights every time."""
    model: nn.Module = load_model(BASE_MODEL, recipe.dtype).model
    return model
