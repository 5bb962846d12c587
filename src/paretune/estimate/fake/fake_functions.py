"""Replacements of torch functions for fake tensors, which return without running the operators."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import torch
from torch import Tensor
from torch._subclasses.fake_tensor import FakeTensor
from torch.overrides import TorchFunctionMode
from torch.utils._mode_utils import no_dispatch

from paretune.estimate.fake.value_tracking import ValueTracking

_torch_block_diag = torch.block_diag
_NUMBERS = {int, float, bool}
_OF_HOST = {Tensor, slice, *_NUMBERS}
"""Types with which reading or writing a real tensor stays on the host. A fake tensor has a type of its own."""

MANY_SLICES = 64
"""From this number on, all slices of a tensor with unknown values are represented by one slice."""


class FakeFunctions(TorchFunctionMode):
    """Replaces functions that read a tensor's memory, and those that run thousands of operators.

    `others` are further functions and their replacements.
    """

    def __init__(self, values: ValueTracking, others: Mapping[Callable[..., Any], Callable[..., Any]]) -> None:
        super().__init__()
        self._replacements: dict[Callable[..., Any], Callable[..., Any]] = {
            Tensor.data_ptr: _address_of,
            Tensor.numpy: partial(_as_array, values),
            Tensor.__getitem__: partial(_indexed, Tensor.__getitem__),
            Tensor.__setitem__: partial(_written, values),
            torch.svd_lowrank: _svd_lowrank,
            torch.unbind: partial(_unbind, values),
            torch.asarray: _as_tensor,
            torch.tensor: _new_tensor,
            **others,
        }

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Sequence[type],
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        """Call the function or its replacement."""
        return self._replacements.get(func, func)(*args, **(kwargs or {}))


def _address_of(tensor: Tensor) -> int:
    """Return a tensor's address; for a fake tensor, that of its storage object."""
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


def _indexed(func: Callable[..., Any], tensor: Tensor, index: Any, *value: Any) -> Any:
    """Read or write a real tensor on the host without dispatch: a method may loop over a large table."""
    parts = index if isinstance(index, tuple) else (index,)
    if not _OF_HOST.issuperset(map(type, (tensor, *parts, *value))):
        return func(tensor, index, *value)
    with torch._C._DisableTorchDispatch():
        return func(tensor, index, *value)


def _written(values: ValueTracking, tensor: Tensor, index: Any, value: Any) -> None:
    """Write into a tensor; a number that is written into a fake tensor with unknown values changes nothing."""
    unnoticed = isinstance(tensor, FakeTensor) and type(value) in _NUMBERS and not tensor.requires_grad
    if not unnoticed or values.value_of(tensor) is not None:
        _indexed(Tensor.__setitem__, tensor, index, value)


def _unbind(values: ValueTracking, input: Tensor, dim: int = 0) -> tuple[Tensor, ...]:
    """Return the same slice repeatedly where there are many: all slices of a fake tensor are equal."""
    alike = isinstance(input, FakeTensor) and dim == 0 and input.shape[0] >= MANY_SLICES
    if not alike or values.value_of(input) is not None:
        return torch.unbind(input, dim)
    first = input[0]
    first._all_slices = input  # type: ignore[attr-defined] # for `block_diag`
    return (first,) * input.shape[0]


def block_diag(*tensors: Tensor) -> Tensor:
    """Return a block diagonal matrix of all slices of a tensor in one step, where torch copies block after block.

    It replaces `torch.block_diag`.
    """
    whole = getattr(tensors[0], "_all_slices", None) if tensors else None
    if whole is None or len(tensors) != whole.shape[0] or any(tensor is not tensors[0] for tensor in tensors):
        return _torch_block_diag(*tensors)  # type: ignore[no-any-return, no-untyped-call]
    return _BlockDiagonal.apply(whole)  # type: ignore[no-any-return, no-untyped-call]


class _BlockDiagonal(torch.autograd.Function):
    """A block diagonal matrix by shape alone: (n, rows, columns) to (n * rows, n * columns), and its gradient."""

    @staticmethod
    def forward(ctx: Any, blocks: Tensor) -> Tensor:
        """Return a new matrix."""
        ctx.shape = blocks.shape
        num_blocks, rows, columns = blocks.shape
        return blocks.new_zeros(num_blocks * rows, num_blocks * columns)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        """Return a new gradient of the blocks."""
        return gradients[0].new_empty(ctx.shape)


def _as_tensor(obj: Any, **options: Any) -> Tensor:
    """Return a tensor of what is given. Of a storage, as safetensors reads files, it is real: fake mode takes none."""
    if not isinstance(obj, torch.UntypedStorage):
        return torch.asarray(obj, **options)
    with no_dispatch():
        return torch.asarray(obj, **options)


def _new_tensor(data: Any, **options: Any) -> Tensor:
    """Return a tensor of numbers, where torch reads the memory of scalars in a list."""
    if isinstance(data, list) and any(isinstance(one, FakeTensor) and one.ndim == 0 for one in data[:1]):
        data = [one.item() for one in data]
    return torch.tensor(data, **options)


def _as_array(values: ValueTracking, tensor: Tensor, **options: Any) -> Any:
    """Return a tensor's values for code outside torch: the known ones, or random ones where they are unknown."""
    if not isinstance(tensor, FakeTensor):
        return tensor.numpy(**options)
    known = values.value_of(tensor)
    with no_dispatch():
        if known is None:
            known = torch.randn(tensor.shape, dtype=torch.float32).to(tensor.dtype)
        return known.detach().numpy()
