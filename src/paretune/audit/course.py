"""The course that every audited method runs: attach, train a dozen steps under watch, save."""

from collections.abc import Iterator
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from paretune.engine import train
from paretune.engine.batches import Repeated
from paretune.kinds.probe import Subject, device_of, evaluated
from paretune.methods import Context, Method
from paretune.methods.base import required_rate
from paretune.spec import Recipe

RECIPE = Recipe(steps=12, batch_size=4, schedule="constant", warmup_ratio=0.0)
SEED = 0


class Attached(NamedTuple):
    """A method on a model, ready for its first step."""

    subject: Subject
    method: Method
    model: nn.Module
    context: Context
    optimizer: Optimizer
    base_outputs: Tensor
    """What the base model said of all samples before the method touched it."""


class Movement(NamedTuple):
    """How one trainable tensor changed while it was trained."""

    name: str
    dtype: str
    num_values: int
    num_moved: int
    """Values that differed from their start after any step."""


class Trained(NamedTuple):
    """What training did."""

    loss_before: float
    """Mean loss of the batch before the first step, in eval mode."""
    loss_after: float
    learning_rate: float
    movements: tuple[Movement, ...]

    @property
    def learned(self) -> bool:
        """Whether the loss fell."""
        return self.loss_after < self.loss_before


def attach(method: Method, subject: Subject, learning_rate: float, recipe: Recipe = RECIPE) -> Attached:
    """Put a method on a fresh base model and do what it needs before its first step.

    Seeds torch, so that what the method draws is the same every time.
    """
    base = subject.fresh(recipe.dtype)
    context = subject.kind.context(recipe, learning_rate, SEED, base.tokenizer, subject.objective)
    base_outputs = all_outputs(subject, base.model)
    torch.manual_seed(SEED)
    model = method.wrap(base.model, context)
    method.before_training(model, context, Repeated(subject.batch))
    return Attached(subject, method, model, context, method.optimizer(model, context), base_outputs)


def all_outputs(subject: Subject, model: nn.Module) -> Tensor:
    """Return the outputs for all three samples together."""
    outputs: Tensor = subject.probe.outputs(model, (0, 1, 2))
    return outputs


def train_under_watch(attached: Attached) -> Trained:
    """Train for the recipe's steps and watch every trainable tensor after every step.

    A value counts as moved when it differed from its start after any step: ranks that a method takes away go back to
    zero. A tensor that was exchanged for one of another shape counts as moved.
    """
    subject, method, model, context, optimizer, _ = attached
    start = {name: tensor.detach().clone() for name, tensor in _trainable(model)}
    moved = {name: torch.zeros_like(tensor, dtype=torch.bool) for name, tensor in start.items()}
    dtypes = {name: str(tensor.dtype).removeprefix("torch.") for name, tensor in start.items()}
    before = _mean_loss(attached)

    def look(step: int, loss: float, seconds: float) -> None:  # noqa: ARG001 (the loop's signature)
        now = dict(model.named_parameters())
        for name, was in start.items():
            if name not in now or now[name].shape != was.shape:
                moved[name].fill_(True)
            else:
                moved[name] |= now[name].detach() != was

    train(model, method, optimizer, Repeated(subject.batch), context.recipe, objective=subject.objective, on_step=look)
    movements = (Movement(name, dtypes[name], was.numel(), int(moved[name].sum())) for name, was in start.items())
    return Trained(before, _mean_loss(attached), required_rate(method.spec, context), tuple(movements))


def gradients(attached: Attached) -> dict[str, Tensor]:
    """Return the gradient of the batch's summed loss for every trainable tensor that gets one, in training mode."""
    model: Any = attached.model
    model.train()
    model.zero_grad(set_to_none=True)
    torch.manual_seed(SEED)
    torch.autograd.backward(attached.subject.objective(model, _batch(attached)))
    found = {name: tensor.grad.clone() for name, tensor in _trainable(model) if tensor.grad is not None}
    model.zero_grad(set_to_none=True)
    return found


def trainable_names(model: nn.Module) -> frozenset[str]:
    """Return the names of the parameters that an optimizer made now would train."""
    return frozenset(name for name, _ in _trainable(model))


def _trainable(model: nn.Module) -> Iterator[tuple[str, nn.Parameter]]:
    return ((name, parameter) for name, parameter in model.named_parameters() if parameter.requires_grad)


def _mean_loss(attached: Attached) -> float:
    subject, model = attached.subject, attached.model
    total: Tensor = evaluated(model, lambda: subject.objective(model, _batch(attached)))
    return total.item() / subject.batch.num_terms


def _batch(attached: Attached) -> Any:
    """Return the batch where the model is."""
    return attached.subject.batch.to(device_of(attached.model))
