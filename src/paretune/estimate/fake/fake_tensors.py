"""Fake tensors have shapes and no memory: with them models of any size are built and trained within seconds."""

import logging
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import Literal
from unittest.mock import patch

import torch
from torch import Tensor, nn
from torch._subclasses.fake_tensor import FakeTensor, FakeTensorMode
from torch.distributions import Distribution
from torch.nn import functional

from paretune.estimate.fake.cuda_attention import cuda_attention
from paretune.estimate.fake.fake_device import DEVICE, SET_DATA, fake_device, set_data
from paretune.estimate.fake.fake_functions import FakeFunctions, block_diag
from paretune.estimate.fake.library_functions import functions_at_once
from paretune.estimate.fake.value_tracking import ValueTracking

Device = Literal["cuda", "cpu"]

_SEED = 0


@contextmanager
def fake_tensors(device: Device) -> Iterator[torch.device]:
    """Make every tensor that is created inside fake, and yield the device to use in place of `device`.

    The caller's random generators and everything else that is patched inside are restored at the end.
    """
    on_device = device == "cuda"
    fake_mode = FakeTensorMode(allow_non_fake_inputs=True)
    fake_mode.cache_enabled = False  # `OperatorResults` remembers more in less time
    values = ValueTracking(host_is_real=on_device)
    with ExitStack() as stack:
        enter = stack.enter_context
        enter(torch.random.fork_rng(devices=[]))
        torch.default_generator.manual_seed(_SEED)
        enter(patch.object(nn.Module, "_apply", _apply))
        # Shapes that do not fit are reported by the caller, in one line; whether values are valid is unknown here.
        enter(patch.object(logging.getLogger(FakeTensor.__module__), "disabled", new=True))
        enter(patch.object(Distribution, "_validate_args", new=False))
        # A copy of a fake tensor belongs to the same mode, which is therefore not copied.
        enter(patch.object(FakeTensorMode, "__deepcopy__", lambda mode, _: mode, create=True))
        enter(patch.object(torch.UntypedStorage, "data_ptr", _address, create=True))
        enter(functions_at_once())
        # Replaced by name: as a function mode it would first look at each of the thousands of blocks.
        enter(patch.object(torch, "block_diag", block_diag))
        if on_device:
            # Where CUDA is available, PyTorch would make constants on their device, which has no memory here.
            enter(patch.object(FakeTensorMode, "avoid_device_init", new=True))
            enter(fake_device())
            enter(patch.object(nn.Parameter, "__new__", partial(_fake_parameter, fake_mode)))
            # Replaced by name: what is computed again for gradient checkpointing runs outside the mode below.
            enter(patch.object(functional, "scaled_dot_product_attention", cuda_attention))
        enter(fake_mode)
        enter(values)
        enter(FakeFunctions(values, {SET_DATA: set_data} if on_device else {}))
        yield DEVICE if on_device else torch.device("cpu")


_make_parameter = nn.Parameter.__new__
_data_ptr = torch.UntypedStorage.data_ptr


def _address(storage: torch.UntypedStorage) -> int:
    """Return a storage's address; for a fake one, a unique number."""
    return storage._cdata if storage.device.type == "meta" else _data_ptr(storage)


def _fake_parameter(
    fake_mode: FakeTensorMode, cls: type[nn.Parameter], data: Tensor | None = None, requires_grad: bool = True
) -> nn.Parameter:
    """Make a fake parameter, even where its data is a real tensor on the host: it will move to the device."""
    if data is not None and not isinstance(data, FakeTensor):
        data = fake_mode.from_tensor(data)
    return _make_parameter(cls, data, requires_grad)


def _apply(self: nn.Module, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> nn.Module:
    """Do what `nn.Module._apply` does, which raises an error for fake parameters that do not change."""
    if recurse:
        for child in self.children():
            child._apply(fn)  # type: ignore[no-untyped-call]
    for parameter in self._parameters.values():
        if parameter is None:
            continue
        with torch.no_grad():
            applied = fn(parameter)
        if applied is not parameter:
            parameter.data = applied
    for name, buffer in self._buffers.items():
        if buffer is not None:
            self._buffers[name] = fn(buffer)
    return self
