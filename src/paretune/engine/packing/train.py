"""Several trials in one pass of the training loop, which does not know of it.

To the loop a pack is a model (the base, with every row going through its own trial's layers), a method (whose hooks are
those of all trials), an optimizer (that clips and steps trial by trial) and an objective (the sum of the trials' mean
losses, which gives each adapter the gradient of its own). What the loop sees of a pack says nothing about any trial:
losses and divergence are kept here, trial by trial.
"""

import math
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.utils import clip_grad_norm_
from torch.optim import Optimizer

from paretune.engine.packing.batches import LossesOf, PackedBatch, packed_batches
from paretune.engine.packing.proof import Clock, FirstStep, RandomState, check, no_clock
from paretune.engine.packing.routing import Routing, route
from paretune.engine.packing.sharing import NotPackable, weight_sums
from paretune.engine.train import Divergence, OnStep, Training, train
from paretune.methods import Method
from paretune.methods.base import LoopHooks
from paretune.spec import Recipe


class Trainee(NamedTuple):
    """One trial, ready to train: what the loop would be given for it alone."""

    model: nn.Module
    """What the method made of a copy that shares the base's weights."""
    method: Method
    optimizer: Optimizer
    batches: Iterable[Any]
    """Of the kind that `LossesOf` takes."""


class _Member:
    """A trial while it is being trained."""

    def __init__(self, trainee: Trainee) -> None:
        self.trainee = trainee
        self.parameters = [one for group in trainee.optimizer.param_groups for one in group["params"]]
        self.losses: list[float] = []
        self.divergence: Divergence | None = None

    @property
    def result(self) -> Training | Divergence:
        return self.divergence or Training(tuple(self.losses), ())


class _Pack:
    """The trials, and the losses of the step that is being made."""

    def __init__(self, trainees: Sequence[Trainee]) -> None:
        self.members = [_Member(trainee) for trainee in trainees]
        self.sums: dict[int, Tensor] = {}
        """Summed losses of the step so far, by the trial's number."""
        self.terms: dict[int, int] = {}
        """Loss terms of the step."""

    def active(self) -> list[int]:
        """Return the numbers of the trials that have not diverged."""
        return [number for number, member in enumerate(self.members) if member.divergence is None]

    def note(self, batch: PackedBatch, losses: Sequence[Tensor]) -> None:
        """Keep the losses of a batch."""
        for member, loss, terms in zip(batch.members, losses, batch.terms_of_step, strict=True):
            self.sums[member] = self.sums[member] + loss.detach() if member in self.sums else loss.detach()
            self.terms[member] = terms


class _Objective:
    """The sum of the trials' mean losses. A loss that is not finite is left to the optimizer, which sends it away."""

    def __init__(self, pack: _Pack, routing: Routing, losses_of: LossesOf, batches_per_step: int) -> None:
        self._pack, self._routing, self._losses_of = pack, routing, losses_of
        self._batches_per_step = batches_per_step

    def __call__(self, model: nn.Module, batch: PackedBatch) -> Tensor:
        self._routing.members, self._routing.sizes = batch.members, batch.sizes
        losses = self._losses_of(model, batch)
        self._pack.note(batch, losses)
        # The loop divides by the batches of the step, each of which counts as one term.
        scales = (self._batches_per_step / terms for terms in batch.terms_of_step)
        means = [loss * scale for loss, scale in zip(losses, scales, strict=True)]
        whole = torch.stack(means)
        return torch.where(whole.isfinite(), whole, 0.0).sum()


class _Hooks(LoopHooks):
    """The hooks of all trials that are still training."""

    def __init__(self, pack: _Pack, device: torch.device) -> None:
        self._pack = pack
        self._random = RandomState(device)

    def loss_terms(self, model: nn.Module, batch: PackedBatch) -> Tensor | None:  # noqa: ARG002
        """Return the sum of the trials' own terms, each from its own rows."""
        found = []
        for number, own in batch.own():
            trainee = self._pack.members[number].trainee
            terms = trainee.method.loss_terms(trainee.model, own)
            if terms is not None:
                found.append(terms)
        return torch.stack(found).sum() if found else None

    def after_step(self, model: nn.Module, step: int) -> None:  # noqa: ARG002
        """Call each trial's hook. Raises `NotPackable` where random numbers were drawn since training began."""
        if self._random.moved():
            raise NotPackable("it draws random numbers while training, which would be others than alone")
        for number in self._pack.active():
            trainee = self._pack.members[number].trainee
            trainee.method.after_step(trainee.model, step)


class _Optimizer(Optimizer):
    """All trials' optimizers. Its groups hold learning rates and no parameters: each trial's gradients are clipped."""

    def __init__(self, pack: _Pack, max_grad_norm: float) -> None:
        self._pack = pack
        self._max_grad_norm = max_grad_norm
        self._step = 0
        super().__init__([{"params": [], "lr": group["lr"]} for group in self._inner()], {})

    def step(self, closure: Any = None) -> None:  # type: ignore[override]  # noqa: ARG002
        """Clip, check and step each trial. One that diverges leaves; raises `Divergence` when none is left."""
        for mine, theirs in zip(self.param_groups, self._inner(), strict=True):
            theirs["lr"] = mine["lr"]
        numbers = self._pack.active()
        members = [self._pack.members[number] for number in numbers]
        norms = [clip_grad_norm_(member.parameters, self._max_grad_norm) for member in members]
        sums = [self._pack.sums[number] for number in numbers]
        read = torch.stack([*(one.float() for one in sums), *(one.float() for one in norms)]).tolist()
        for place, (number, member) in enumerate(zip(numbers, members, strict=True)):
            loss, norm = read[place] / self._pack.terms[number], read[place + len(numbers)]
            if math.isfinite(loss) and math.isfinite(norm):
                member.losses.append(loss)
                member.trainee.optimizer.step()
            else:
                member.divergence = Divergence(self._step, loss)
                member.trainee.optimizer.zero_grad(set_to_none=True)
        self._pack.sums.clear()
        self._step += 1
        if members and not self._pack.active():
            raise members[-1].divergence or AssertionError("a trial that left has diverged")

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forget all trials' gradients."""
        for member in self._pack.members:
            member.trainee.optimizer.zero_grad(set_to_none=set_to_none)

    def _inner(self) -> list[dict[str, Any]]:
        return [group for member in self._pack.members for group in member.trainee.optimizer.param_groups]


def train_packed(
    base: nn.Module,
    trainees: Sequence[Trainee],
    recipe: Recipe,
    losses_of: LossesOf,
    *,
    sums: Sequence[float],
    on_step: OnStep | None = None,
    clock: Clock | None = None,
) -> list[Training | Divergence]:
    """Train all trials by one recipe in one pass of the loop, and return what each would have come to alone.

    `base` is the base model whose weights the trials' models share; it is changed and cannot be used afterwards. `sums`
    are its `weight_sums` from before the methods were attached. Trainings have no step times: a step is that of all.

    Raises `NotPackable`, before any trial has been trained or after its first step, where these trials cannot be
    trained in one pass. Nothing of them may then be used. With a `clock`, which returns seconds, also where a step of
    all together takes more than 90% of what their steps take alone.
    """
    if recipe.compile:
        raise NotPackable("the recipe compiles the model")
    if recipe.loss_chunks > 1:
        raise NotPackable("the recipe computes the loss in chunks")
    if recipe.sharding is not None:
        raise NotPackable("the recipe shards the model")
    if weight_sums(base) != list(sums):
        raise NotPackable("it writes into the base model's weights")
    base.requires_grad_(requires_grad=False)  # the trials' own layers take the place of what is trained
    routing = route(base, [trainee.model for trainee in trainees])
    pack = _Pack(trainees)
    for trainee in trainees:
        trainee.model.train()
    base.train()
    device = next(base.parameters()).device
    first = [next(iter(trainee.batches)) for trainee in trainees]
    models = [trainee.model for trainee in trainees]
    check(FirstStep(base, routing, models, losses_of, first, clock or no_clock), only_if_faster=clock is not None)
    streams = [iter(trainee.batches) for trainee in trainees]
    batches = packed_batches(streams, recipe.gradient_accumulation, pack.active)
    objective = _Objective(pack, routing, losses_of, recipe.gradient_accumulation)
    optimizer = _Optimizer(pack, recipe.max_grad_norm)
    try:
        train(base, _Hooks(pack, device), optimizer, batches, recipe, objective=objective, on_step=on_step)
    except Divergence:
        if pack.active():
            raise
    return [member.result for member in pack.members]
