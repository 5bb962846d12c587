"""Sums of gradients that autograd writes into the first of them need no memory of their own on a GPU."""

from typing import Any

import torch
from torch import Tensor
from torch.profiler import ProfilerActivity, profile

from paretune.estimate.fake.fake_tensors import fake_tensors
from paretune.measure import count_memory

SIDE = 256
BYTES = SIDE * SIDE * 4


class _Twice(torch.autograd.Function):
    """Adds in its own backward pass, which nobody does in place."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        del ctx
        return x * 2

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        del ctx
        whole = gradients[0].clone()
        return whole + whole.clone()


def _loss(weight: Tensor, first: Tensor, second: Tensor) -> Tensor:
    return (weight * first).sum() + (weight * second).sum()


def _inputs(device: str | torch.device) -> list[Tensor]:
    return [torch.ones(SIDE, SIDE, device=device, requires_grad=index == 0) for index in range(3)]


def test_a_second_gradient_is_added_to_the_first_as_in_a_real_run() -> None:
    with fake_tensors("cuda") as device:
        weight, first, second = _inputs(device)
        model = torch.nn.ParameterList([torch.nn.Parameter(weight)])
        fake = count_memory(
            model, lambda: torch.autograd.backward(_loss(model[0], first, second)), others=[first, second]
        )
    real = _inputs("cpu")
    loss = _loss(*real)
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as watched:
        loss.backward()  # type: ignore[no-untyped-call]
    events = [event for event in watched.profiler.kineto_results.events() if event.name() == "[memory]"]
    live = peak = 3 * BYTES
    for event in sorted(events, key=lambda event: event.start_ns()):
        live += event.nbytes()
        peak = max(peak, live)
    assert peak // BYTES == fake.peak().peak_bytes // BYTES == 5  # two gradients; a sum beside them would make six


def test_a_backward_pass_in_python_adds_as_it_says() -> None:
    with fake_tensors("cuda") as device:
        model = torch.nn.ParameterList([torch.nn.Parameter(_inputs(device)[0])])
        log = count_memory(model, lambda: _Twice.apply(model[0] * 1).sum().backward())  # type: ignore[no-untyped-call]
    # The weight, the gradient of the sum (one number, expanded) written out, its clone, and their sum.
    assert log.peak().peak_bytes // BYTES == 4
