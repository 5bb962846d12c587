"""A check before trials are trained together: that one pass gives each trial the gradients it gets alone."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from paretune.engine.batches import Batch
from paretune.engine.packing.batches import LossesOf, packed
from paretune.engine.packing.routing import Routing
from paretune.engine.packing.sharing import NotPackable


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


def prove(
    base: nn.Module, routing: Routing, models: Sequence[nn.Module], losses_of: LossesOf, batches: Sequence[Batch]
) -> None:
    """Compare every trial's gradients on its batch, computed alone and all together, and drop them again.

    Together the batches are padded to twice the width that they need, since padding is what trials share. What is
    computed in another order differs by rounding: the difference may be the root of the dtype's resolution, of all of a
    trial's gradients taken as one vector. Raises `NotPackable` where it is more, where random numbers are drawn, and
    where a model keeps something from one forward pass to the next.
    """
    first = next(base.parameters())
    random = RandomState(first.device)
    before = [_tensors(model) for model in models]
    alone = []
    for model, batch in zip(models, batches, strict=True):
        (loss,) = losses_of(model, packed((0,), (batch,), (batch.num_terms,)).to(first.device))
        loss.backward()  # type: ignore[no-untyped-call]
        alone.append(_taken_gradient(model))
    numbers, width = range(len(models)), max(batch.input_ids.shape[1] for batch in batches)
    whole = packed(numbers, batches, [batch.num_terms for batch in batches], extra=width).to(first.device)
    routing.members, routing.sizes = whole.members, whole.sizes
    torch.stack(list(losses_of(base, whole))).sum().backward()  # type: ignore[no-untyped-call]
    together = [_taken_gradient(model) for model in models]
    if random.moved():
        raise NotPackable("it draws random numbers while training, which would be others than alone")
    if any(map(_written, before, models)):
        raise NotPackable("it keeps something from one forward pass to the next")
    tolerance = torch.finfo(first.dtype).eps ** 0.5
    if not all(_close(one, other, tolerance) for one, other in zip(alone, together, strict=True)):
        raise NotPackable("in one pass with others its gradients are not those that it has alone")


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
