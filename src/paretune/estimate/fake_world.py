"""A world in which tensors have shapes and no bytes: models of any size are built and trained in it within seconds."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import Any, Literal
from unittest.mock import patch

import torch
from torch import Tensor, nn
from torch._subclasses.fake_tensor import FakeTensor, FakeTensorMode
from torch.nn import functional
from torch.overrides import TorchFunctionMode
from torch.utils._mode_utils import no_dispatch

from paretune.estimate.cuda_attention import cuda_attention
from paretune.estimate.known_values import KnownValues
from paretune.estimate.stand_in_device import DEVICE, SET_DATA, set_data, stand_in_device

Device = Literal["cuda", "cpu"]

_SEED = 0


@contextmanager
def fake_world(device: Device) -> Iterator[torch.device]:
    """Make every tensor fake that is made inside, and yield the device that stands for `device`.

    The caller's random generators, and everything else that is set for the time being, are put back at the end.
    """
    on_device = device == "cuda"
    fake_mode = FakeTensorMode(allow_non_fake_inputs=True)
    fake_mode.cache_enabled = False  # `OperatorResults` remembers more in less time
    values = KnownValues(host_is_real=on_device)
    with ExitStack() as stack:
        enter = stack.enter_context
        enter(torch.random.fork_rng(devices=[]))
        torch.default_generator.manual_seed(_SEED)
        enter(patch.object(nn.Module, "_apply", _apply))
        # A copy of a fake tensor belongs to the same world, so its mode is not copied with it.
        enter(patch.object(FakeTensorMode, "__deepcopy__", lambda mode, _: mode, create=True))
        enter(patch.object(torch.UntypedStorage, "data_ptr", _address, create=True))
        if on_device:
            enter(stand_in_device())
            enter(patch.object(nn.Parameter, "__new__", partial(_fake_parameter, fake_mode)))
            # Replaced by name: what is computed again for gradient checkpointing runs outside the mode below.
            enter(patch.object(functional, "scaled_dot_product_attention", cuda_attention))
        enter(fake_mode)
        enter(values)
        stand_ins: dict[Callable[..., Any], Callable[..., Any]] = {
            Tensor.data_ptr: _address_of,
            Tensor.numpy: partial(_as_array, values),
            torch.svd_lowrank: _svd_lowrank,
        }
        if on_device:
            stand_ins |= {SET_DATA: set_data}
        enter(_PaperFunctions(stand_ins))
        yield DEVICE if on_device else torch.device("cpu")


_make_parameter = nn.Parameter.__new__
_data_ptr = torch.UntypedStorage.data_ptr


def _address(storage: torch.UntypedStorage) -> int:
    """Return where a storage is: on paper, a number of its own."""
    return storage._cdata if storage.device.type == "meta" else _data_ptr(storage)


def _fake_parameter(
    fake_mode: FakeTensorMode, cls: type[nn.Parameter], data: Tensor | None = None, requires_grad: bool = True
) -> nn.Parameter:
    """Make a parameter, fake even where its data is a real tensor of the host: it will move to the device."""
    if data is not None and not isinstance(data, FakeTensor):
        data = fake_mode.from_tensor(data)
    return _make_parameter(cls, data, requires_grad)


class _PaperFunctions(TorchFunctionMode):
    """Stands in for the few functions that look behind a tensor, or move it."""

    def __init__(self, stand_ins: Mapping[Callable[..., Any], Callable[..., Any]]) -> None:
        super().__init__()
        self._stand_ins = stand_ins

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Sequence[type],
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        """Call the function or its stand-in."""
        return self._stand_ins.get(func, func)(*args, **(kwargs or {}))


def _address_of(tensor: Tensor) -> int:
    """Return a tensor's address: on paper, that of its storage's object."""
    if not isinstance(tensor, FakeTensor):
        return tensor.data_ptr()
    address: int = tensor.untyped_storage()._cdata + tensor.storage_offset() * tensor.element_size()
    return address


def _svd_lowrank(
    A: Tensor,  # noqa: N803 # torch's own name
    q: int | None = 6,
    niter: int | None = 2,
    M: Tensor | None = None,  # noqa: N803
) -> tuple[Tensor, Tensor, Tensor]:
    """Return factors of the right shapes at once: torch takes some twenty operators to find them by iteration."""
    if not isinstance(A, FakeTensor):
        return torch.svd_lowrank(A, q, niter, M)
    *batch, rows, columns = A.shape
    rank = 6 if q is None else q
    return A.new_empty(*batch, rows, rank), A.new_empty(*batch, rank), A.new_empty(*batch, columns, rank)


def _as_array(values: KnownValues, tensor: Tensor, **options: Any) -> Any:
    """Return a tensor's values for code that leaves torch: those that are known, or random ones where none are."""
    if not isinstance(tensor, FakeTensor):
        return tensor.numpy(**options)
    known = values.value_of(tensor)
    with no_dispatch():
        if known is None:
            known = torch.randn(tensor.shape, dtype=torch.float32).to(tensor.dtype)
        return known.detach().numpy()


def _apply(self: nn.Module, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> nn.Module:
    """Do what `nn.Module._apply` does, which refuses fake parameters that stay as they are."""
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
