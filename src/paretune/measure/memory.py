"""Bytes that tensors hold, counted exactly, on any device: the same figure at every run."""

import gc
import weakref
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor, UntypedStorage, nn
from torch.utils._python_dispatch import TorchDispatchMode, is_traceable_wrapper_subclass
from torch.utils._pytree import tree_leaves

_COMPRESSED_BY_ROW = {torch.sparse_csr, torch.sparse_bsr}
_COMPRESSED_BY_COLUMN = {torch.sparse_csc, torch.sparse_bsc}


class _Held(NamedTuple):
    """A storage that is alive, and the bytes it was last seen with."""

    watch: "weakref.ref[UntypedStorage]"
    num_bytes: int


class LiveStorage(TorchDispatchMode):  # type: ignore[no-untyped-call] # torch's hook for subclasses
    """While it is entered, counts the bytes of all storages that operators read or write and that are still alive.

    A storage counts once, whatever number of views look at it, from the first operator that meets it until it dies; so
    gradients, activations kept for the backward pass and optimizer states are in. Storages that were there before count
    from `track` on, or from the first operator that reads them. Memory that one operator takes and gives back inside
    itself is not seen, nor is what an allocator rounds up or keeps in reserve.
    """

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._held: dict[int, _Held] = {}
        self.live_bytes = 0
        """Bytes held now."""
        self.peak_bytes = 0
        """Most bytes held at once so far."""

    def track(self, tensors: Iterable[Tensor]) -> None:
        """Count tensors that exist already."""
        for tensor in tensors:
            for storage in _storages(tensor):
                self._see(storage)
        self.peak_bytes = max(self.peak_bytes, self.live_bytes)

    def __torch_dispatch__(
        self, func: Any, types: Sequence[type], args: Sequence[Any] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        """Run the operator, then count what it was given and what it made."""
        kwargs = kwargs or {}
        result = func(*args, **kwargs)
        self.track(leaf for leaf in tree_leaves((args, kwargs, result)) if isinstance(leaf, Tensor))
        return result

    def _see(self, storage: UntypedStorage) -> None:
        key, num_bytes = storage._cdata, storage.nbytes()
        known = self._held.get(key)
        if known is not None:  # its size may have changed since: some operators resize the tensor they write to
            self.live_bytes += num_bytes - known.num_bytes
            self._held[key] = known._replace(num_bytes=num_bytes)
            return
        self._held[key] = _Held(weakref.ref(storage, lambda _: self._forget(key)), num_bytes)
        self.live_bytes += num_bytes

    def _forget(self, key: int) -> None:
        self.live_bytes -= self._held.pop(key).num_bytes


def count_peak_bytes(model: nn.Module, run: Callable[[], object]) -> int:
    """Return the most bytes that tensors hold at once while `run` works with the model.

    The model's parameters, their gradients and its buffers count from the start. Counting makes `run` several times
    slower, so clocks are read elsewhere.
    """
    counter = LiveStorage()
    parameters = list(model.parameters())
    counter.track([*parameters, *model.buffers(), *(p.grad for p in parameters if p.grad is not None)])
    gc.collect()
    collects = gc.isenabled()
    gc.disable()  # when the collector runs depends on all that the process did before, and so would the peak
    try:
        with counter:
            run()
    finally:
        if collects:
            gc.enable()
    return counter.peak_bytes


def _storages(tensor: Tensor) -> Iterator[UntypedStorage]:
    """Yield the storages behind a tensor: one for a plain tensor, several for a sparse or a quantised one."""
    if is_traceable_wrapper_subclass(tensor):
        names, _ = tensor.__tensor_flatten__()
        parts = [getattr(tensor, name) for name in names]
    elif tensor.layout == torch.sparse_coo:
        parts = [tensor._indices(), tensor._values()]
    elif tensor.layout in _COMPRESSED_BY_ROW:
        parts = [tensor.crow_indices(), tensor.col_indices(), tensor.values()]
    elif tensor.layout in _COMPRESSED_BY_COLUMN:
        parts = [tensor.ccol_indices(), tensor.row_indices(), tensor.values()]
    else:
        yield tensor.untyped_storage()
        return
    for part in parts:
        yield from _storages(part)
