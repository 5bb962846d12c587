"""A fake CUDA device: what PyTorch, accelerate and peft are given so that fake tensors can be on one.

PyTorch's CPU build has no device guard for CUDA, and a real one needs a GPU. It has a guard for "lazy", a device
that is not used otherwise. Fake tensors on this device have the CPU's dispatch keys, so that every operator is defined,
and another device name, so that tensors on the device and on the host are told apart, as in a real run. Where a library
checks the capabilities of a device by its name, it sees those of CUDA.
"""

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

import torch
from torch import Tensor, nn
from torch._subclasses.fake_tensor import FakeTensor

from paretune.estimate.fake.cuda_autocast import cuda_autocast

DEVICE = torch.device("lazy", 0)
_HOST = torch.device("cpu")

SET_DATA: Any = Tensor.data.__set__  # type: ignore[attr-defined]
_make_fake = FakeTensor.__new__
_torch_autocast = torch.autocast
_MODULE = SimpleNamespace(
    device_count=lambda: 0,
    get_rng_state=lambda *_: torch.get_rng_state(),
    set_rng_state=lambda *_: None,
    manual_seed_all=lambda *_: None,
    is_available=lambda: True,
    is_initialized=lambda: True,
    _is_in_bad_fork=lambda: False,
)
_is_autocast_enabled = torch.is_autocast_enabled
_get_autocast_dtype = torch.get_autocast_dtype


@contextmanager
def fake_device() -> Iterator[None]:
    """Allow fake tensors on `DEVICE`, which behaves like CUDA where libraries check a device's name."""
    from accelerate.state import AcceleratorState, GradientState, PartialState

    with ExitStack() as stack:
        enter = stack.enter_context
        enter(patch.object(FakeTensor, "__new__", _new_fake))
        enter(patch.object(torch, DEVICE.type, _MODULE, create=True))
        enter(patch("torch.autocast", _autocast))
        enter(patch("torch.is_autocast_enabled", lambda *kinds: _is_autocast_enabled(*map(_known_to_autocast, kinds))))
        enter(patch("torch.get_autocast_dtype", lambda kind: _get_autocast_dtype(_known_to_autocast(kind))))
        enter(cuda_autocast())
        # Some fake kernels lay results out by the device's name, as their CUDA counterparts do.
        enter(patch("torch._meta_registrations.device_hint", _device_hint))
        # Gradient checkpointing keeps the random state of devices that are not the CPU; this one has none.
        enter(patch("torch.utils.checkpoint._infer_device_type", lambda *_: _HOST.type))
        for module in ("torch.utils._foreach_utils", "torch.optim.optimizer"):
            enter(patch(f"{module}._get_foreach_kernels_supported_devices", lambda: ["cuda", DEVICE.type]))
            # On CUDA, optimizers and the clipping of gradients work on all tensors at once, which needs memory for
            # intermediate results of all of them.
            enter(patch(f"{module}._foreach_supported_types", [Tensor, nn.Parameter, FakeTensor]))
        enter(patch("torch.accelerator.synchronize", lambda *_: None))
        # accelerate keeps one state for the whole process; it is restored afterwards.
        enter(patch.dict(os.environ, {"ACCELERATE_TORCH_DEVICE": str(DEVICE)}))
        for state in (PartialState, AcceleratorState, GradientState):
            enter(patch.dict(state._shared_state, clear=True))
        yield


def set_data(parameter: Tensor, value: Tensor) -> None:
    """Do what `parameter.data = value` does; a fake parameter moves to the value's device with it."""
    SET_DATA(parameter, value)
    if isinstance(parameter, FakeTensor) and isinstance(value, FakeTensor):
        parameter.fake_device = value.fake_device


def device_for_keys(device: torch.device) -> torch.device:
    """Return the device whose dispatch keys a fake tensor on `device` has."""
    return _HOST if device.type == DEVICE.type else device


def _new_fake(
    cls: type[FakeTensor],
    mode_or_elem: Any = None,
    elem: Tensor | None = None,
    device: Any = None,
    *rest: Any,
    **named: Any,
) -> FakeTensor:
    """Make a fake tensor. On a fake CUDA device it gets the CPU's dispatch keys."""
    if device is None or (wanted := torch.device(device)).type != DEVICE.type:
        return _make_fake(cls, mode_or_elem, elem, device, *rest, **named)
    fake = _make_fake(cls, mode_or_elem, elem, _HOST, *rest, **named)
    fake.fake_device = torch.device(DEVICE.type, wanted.index or 0)
    return fake


def _device_hint(tensor: Tensor) -> str:
    return "cuda" if isinstance(tensor, FakeTensor) and tensor.fake_device.type == DEVICE.type else tensor.device.type


def _known_to_autocast(device_type: str) -> str:
    return _HOST.type if device_type == DEVICE.type else device_type


def _autocast(device_type: str, *arguments: Any, **named: Any) -> Any:
    """Return the CPU's autocast for the fake CUDA device: its tensors have the CPU's dispatch keys."""
    return _torch_autocast(_known_to_autocast(device_type), *arguments, **named)
