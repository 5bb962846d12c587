"""The one training loop: every method, every model, every objective."""

import math
import time
from collections.abc import Callable, Iterable
from contextlib import nullcontext
from itertools import islice
from typing import Any, NamedTuple

import torch
from accelerate import Accelerator
from torch import nn
from torch.optim import Optimizer

from paretune.engine.batches import DataBatch
from paretune.engine.objective import answer_loss
from paretune.engine.processes import accelerator_for, next_step
from paretune.engine.sharding import blocks_of
from paretune.methods import Objective
from paretune.methods.base import LoopHooks
from paretune.models.checkpointing import checkpoint_gradients
from paretune.spec import InputError, Recipe


class Divergence(ArithmeticError):
    """The loss or the gradient's norm is no longer a finite number."""

    def __init__(self, step: int, loss: float) -> None:
        super().__init__(f"loss {loss} in step {step}")
        self.step = step
        self.loss = loss


class Training(NamedTuple):
    """What the loop saw, one entry for each optimizer step."""

    losses: tuple[float, ...]
    """Mean task loss per answer token, in nats, without the method's own loss terms."""
    step_seconds: tuple[float, ...]


NOTHING_YET = Training((), ())

OnStep = Callable[[int, float, float], None]


def train(
    model: nn.Module,
    method: LoopHooks,
    optimizer: Optimizer,
    batches: Iterable[DataBatch],
    recipe: Recipe,
    *,
    objective: Objective = answer_loss,
    on_step: OnStep | None = None,
    earlier: Training = NOTHING_YET,
) -> Training:
    """Train for the recipe's number of steps, or until it ends early.

    `on_step(step, loss, seconds)` is called after each, outside the clock.

    `earlier` is what the loop saw in the steps that were run before, where training is resumed: model, optimizer and
    random numbers are as those steps left them. They are part of what is returned.

    The rates that the optimizer's groups come with are their peaks. Under several processes each takes its share of the
    rows of every batch, so that the number of devices does not change what is computed.

    Raises `Divergence` when the loss or the gradient is not finite. The weights are of no use then.
    """
    accelerator = accelerator_for(recipe, model)
    shared, stepper = _prepared(model, optimizer, recipe, accelerator)
    peaks = [group["lr"] for group in optimizer.param_groups]
    parameters = [parameter for group in optimizer.param_groups for parameter in group["params"]]
    losses, step_seconds = [*earlier.losses], [*earlier.step_seconds]
    stream = islice(batches, len(losses) * recipe.gradient_accumulation, None)
    for step in range(len(losses), recipe.trained_steps):
        parts, num_terms = next_step(stream, recipe, accelerator)
        began = now(accelerator.device)
        for group, peak in zip(optimizer.param_groups, peaks, strict=True):
            group["lr"] = peak * rate_factor(step, recipe)
        total = torch.zeros((), device=accelerator.device)
        for part in parts:
            last = part is parts[-1]
            with nullcontext() if last else accelerator.no_sync(shared):
                task_loss = objective(shared, part)
                extra = method.loss_terms(model, part)
                mean_loss = task_loss * (accelerator.num_processes / num_terms)
                accelerator.backward(mean_loss if extra is None else mean_loss + extra / len(parts))
            total += task_loss.detach()
        norm: Any = accelerator.clip_grad_norm_(parameters, recipe.max_grad_norm)
        whole: Any = accelerator.reduce(total, "sum")
        stepper.step()
        loss = float(whole) / num_terms  # waits for the device, once everything has been given to it
        if not (math.isfinite(loss) and math.isfinite(float(norm))):
            raise Divergence(step, loss)
        method.after_step(model, step)
        stepper.zero_grad()
        step_seconds.append(now(accelerator.device) - began)
        losses.append(loss)
        if on_step is not None:
            on_step(step, loss, step_seconds[-1])
    return Training(tuple(losses), tuple(step_seconds))


def _prepared(model: nn.Module, optimizer: Optimizer, recipe: Recipe, accelerator: Accelerator) -> tuple[Any, Any]:
    """Return the model, in training mode, and the optimizer as the processes share them."""
    if recipe.gradient_checkpointing:
        checkpoint_gradients(model)
    for module in _compiled(model, recipe):
        module.compile(dynamic=True)
    shared, stepper = accelerator.prepare(model, optimizer)
    shared.train()
    return shared, stepper


def _compiled(model: nn.Module, recipe: Recipe) -> list[nn.Module]:
    """Return what the recipe compiles. Raises `InputError` where a model's blocks are not known."""
    if not recipe.compile:
        return []
    found = blocks_of(model) if recipe.compile == "blocks" else [model]
    if not found:
        raise InputError('recipe: compile = "blocks": this model does not say what its blocks are; write true or false')
    return found


def rate_factor(step: int, recipe: Recipe) -> float:
    """Return the factor on the peak learning rate in a step counted from 0: warm-up, then the recipe's schedule.

    The last step's factor is above zero, so that no step is wasted.
    """
    if step < recipe.warmup_steps:
        return (step + 1) / (recipe.warmup_steps + 1)
    done = (step - recipe.warmup_steps) / (recipe.steps - recipe.warmup_steps)
    match recipe.schedule:
        case "cosine":
            return 0.5 * (1 + math.cos(math.pi * done))
        case "linear":
            return 1 - done
        case "constant":
            return 1.0


def now(device: torch.device) -> float:
    """Return seconds on a clock that has waited for the device's work."""
    if device.type != "cpu":
        torch.accelerator.synchronize(device)
    return time.perf_counter()
