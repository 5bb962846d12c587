"""A check before trials are trained together: that one pass gives each trial the gradients it gets alone."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn

from paretune.engine.batches import Batch
from paretune.engine.packing.batches import LossesOf, packed
from paretune.engine.packing.routing import Routing
from paretune.engine.packing.sharing import NotPackable

Clock = Callable[[], float]
"""Returns seconds, once the device has done its work."""
_PAYING_SHARE = 0.9


def no_clock() -> float:
    """Return no time at all."""
    return 0.0


class Timing(NamedTuple):
    """Seconds of the passes of one step."""

    num_trials: int
    alone_seconds: float
    """All trials, one after another."""
    together_seconds: float

    @property
    def pays(self) -> bool:
        """Whether a step together is at least 10% faster."""
        return self.together_seconds <= _PAYING_SHARE * self.alone_seconds

    @property
    def words(self) -> str:
        """The same as a sentence."""
        return (
            f"a step of {self.num_trials} trials took {self.together_seconds:.3g} s in one pass and "
            f"{self.alone_seconds:.3g} s one by one on this machine"
        )


class RandomState:
    """The state of the random number generators at a moment."""

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self._then = self._now()

    def moved(self) -> bool:
        """Tell whether numbers were drawn since."""
        return any(not torch.equal(then, now) for then, now in zip(self._then, self._now(), strict=True))

    def _now(self) -> list[Tensor]:
        states = [torch.get_rng_state()]
        return [*states, torch.cuda.get_rng_state(self._device)] if self._device.type == "cuda" else states


class FirstStep(NamedTuple):
    """The passes of the trials' first step. They leave gradients behind."""

    base: nn.Module
    """The base model with every row going through its own trial's layers."""
    routing: Routing
    models: Sequence[nn.Module]
    """The trials' own."""
    losses_of: LossesOf
    batches: Sequence[Batch]
    """The trials' first ones."""
    clock: Clock = no_clock

    @property
    def device(self) -> torch.device:
        """Where the models are."""
        return next(self.base.parameters()).device

    def alone(self, number: int) -> float:
        """Pass one trial's batch through its own model, and return the seconds that took."""
        batch = self.batches[number]
        began = self.clock()
        rows = packed((0,), (batch,), (batch.num_terms,)).to(self.device)
        (loss,) = self.losses_of(self.models[number], rows)
        loss.backward()  # type: ignore[no-untyped-call]
        return self.clock() - began

    def together(self, extra: int = 0) -> float:
        """Pass all batches in one, with so many columns of padding added, and return the seconds that took."""
        began = self.clock()
        terms = [batch.num_terms for batch in self.batches]
        whole = packed(range(len(self.batches)), self.batches, terms, extra=extra).to(self.device)
        self.routing.members, self.routing.sizes = whole.members, whole.sizes
        torch.stack(list(self.losses_of(self.base, whole))).sum().backward()  # type: ignore[no-untyped-call]
        return self.clock() - began

    def forget(self) -> None:
        """Drop all gradients."""
        for model in self.models:
            for parameter in model.parameters():
                parameter.grad = None


def check(first: FirstStep, *, only_if_faster: bool) -> None:
    """Raise `NotPackable` where trials cannot be trained in one pass, or where that is no faster by the clock."""
    alone_seconds = prove(first)
    if only_if_faster and not (found := timing(first, alone_seconds)).pays:
        raise NotPackable(found.words)


def prove(first: FirstStep) -> float:
    """Compare every trial's gradients on its batch, computed alone and all together, and drop them again.

    Together the batches are padded to twice the width that they need, since padding is what trials share. What is
    computed in another order differs by rounding: the difference may be the root of the dtype's resolution, of all of a
    trial's gradients taken as one vector. Returns the seconds that all passes alone took. Raises `NotPackable` where it
    is more, where random numbers are drawn, and where a model keeps something from one forward pass to the next.
    """
    models = first.models
    random = RandomState(first.device)
    before = [_tensors(model) for model in models]
    alone, seconds = [], 0.0
    for number, model in enumerate(models):
        seconds += first.alone(number)
        alone.append(_taken_gradient(model))
    first.together(extra=max(batch.input_ids.shape[1] for batch in first.batches))
    together = [_taken_gradient(model) for model in models]
    if random.moved():
        raise NotPackable("it draws random numbers while training, which would be others than alone")
    if any(map(_written, before, models)):
        raise NotPackable("it keeps something from one forward pass to the next")
    tolerance = torch.finfo(next(first.base.parameters()).dtype).eps ** 0.5
    if not all(_close(one, other, tolerance) for one, other in zip(alone, together, strict=True)):
        raise NotPackable("in one pass with others its gradients are not those that it has alone")
    return seconds


def timing(first: FirstStep, alone_before: float) -> Timing:
    """Return what the passes of a step take alone and together, each the less of two times.

    `alone_before` is what `prove` returned: the first of the times alone.
    """
    together, alone = [], [alone_before]
    for number in range(2):
        together.append(first.together())
        first.forget()
        if number == 0:
            alone.append(sum(map(first.alone, range(len(first.models)))))
            first.forget()
    return Timing(len(first.models), min(alone), min(together))


def _taken_gradient(model: nn.Module) -> Tensor:
    """Return all gradients as one vector, and forget them."""
    found = []
    for parameter in model.parameters():
        if parameter.requires_grad:
            gradient = torch.zeros_like(parameter) if parameter.grad is None else parameter.grad
            found.append(gradient.float().flatten())
            parameter.grad = None
    return torch.cat(found)


def _close(alone: Tensor, together: Tensor, tolerance: float) -> bool:
    if not (alone.isfinite().all() and together.isfinite().all()):
        return torch.equal(alone.isfinite(), together.isfinite())
    return bool((alone - together).norm() <= tolerance * alone.norm())


def _tensors(model: nn.Module) -> list[tuple[Tensor, int]]:
    """Return a model's tensors, and how often each was written into."""
    return [(tensor, tensor._version) for tensor in (*model.parameters(), *model.buffers())]


def _written(before: Sequence[tuple[Tensor, int]], model: nn.Module) -> bool:
    now = _tensors(model)
    pairs = zip(before, now, strict=False)
    return len(before) != len(now) or any(old is not new or then != later for (old, then), (new, later) in pairs)
