"""Fake sparse tensors: the number of their values is kept here, and operators run as on the host."""

import weakref
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor
from torch._ops import OpOverload
from torch._subclasses.fake_tensor import FakeTensor
from torch.utils._pytree import tree_leaves, tree_map

_ATEN = torch.ops.aten
_HOST = torch.device("cpu")
_MAKES_SPARSE = {_ATEN._sparse_coo_tensor_with_dims_and_tensors.default, _ATEN.sparse_mask.default}


class SparseShapes:
    """Keeps the number of values of each sparse tensor from its creation, for operators that read indices or values."""

    def __init__(self) -> None:
        self._counts: dict[int, tuple[weakref.ref[Tensor], int]] = {}

    def run(self, func: OpOverload, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
        """Return an operator's result, with the right number of values where that was lost."""
        if func not in _MAKES_SPARSE and not any(_is_sparse(leaf) for leaf in args):
            return func(*args, **kwargs)
        if func is _ATEN.add_.Tensor:
            return args[0]  # sums with a sparse tensor have no fake kernel
        if func is _ATEN.add.Tensor:
            return torch.empty_like(args[0])
        if func is _ATEN._values.default:
            return torch.empty((self._count(args[0]),), dtype=args[0].dtype, device=args[0].device)
        if func is _ATEN._indices.default:
            return torch.empty((args[0].sparse_dim(), self._count(args[0])), dtype=torch.int64, device=args[0].device)
        result = _as_on_host(func, args, kwargs)
        if func is _ATEN._sparse_coo_tensor_with_dims_and_tensors.default:
            self._remember(result, args[4].shape[0])
            result._parts = args[3], args[4]  # kept alive as long as the sparse tensor
        elif func is _ATEN.sparse_mask.default:
            self._remember(result, self._count(args[1]))
        elif _is_sparse(result):
            self._remember(result, self._count(next(leaf for leaf in args if _is_sparse(leaf))))
        return result

    def _remember(self, tensor: Tensor, count: int) -> None:
        key = id(tensor)
        self._counts[key] = (weakref.ref(tensor, lambda _: self._counts.pop(key, None)), count)

    def _count(self, tensor: Tensor) -> int:
        entry = self._counts.get(id(tensor))
        return entry[1] if entry is not None else int(tensor._nnz())


def _is_sparse(value: Any) -> bool:
    return isinstance(value, Tensor) and value.layout == torch.sparse_coo


def _as_on_host(func: OpOverload, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
    """Run an operator as if its tensors were on the host, then restore their device and set it on the results."""
    fakes = [leaf for leaf in tree_leaves((args, kwargs)) if isinstance(leaf, FakeTensor)]
    devices = [fake.fake_device for fake in fakes]
    device = kwargs.get("device") or (devices[0] if devices else _HOST)
    for fake in fakes:
        fake.fake_device = _HOST
    try:
        options = tree_map(lambda leaf: _HOST if isinstance(leaf, torch.device) else leaf, dict(kwargs))
        result = func(*args, **options)
    finally:
        for fake, own in zip(fakes, devices, strict=True):
            fake.fake_device = own
    for leaf in tree_leaves(result):
        if isinstance(leaf, FakeTensor):
            leaf.fake_device = torch.device(device)
    return result
