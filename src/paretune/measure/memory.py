"""Bytes that tensors hold, counted exactly, real or fake, on any device: the same value at every run."""

import gc
import weakref
from array import array
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any, NamedTuple, Protocol, Self, runtime_checkable

import numpy as np
import torch
from torch import Tensor, UntypedStorage, nn
from torch._subclasses.fake_tensor import FakeTensor
from torch.optim.optimizer import register_optimizer_step_post_hook, register_optimizer_step_pre_hook
from torch.utils._python_dispatch import (
    TorchDispatchMode,
    _get_current_dispatch_mode_stack,
    is_traceable_wrapper_subclass,
)
from torch.utils._pytree import tree_leaves

from paretune.measure.storage_log import KINDS, Mark, StorageLog
from paretune.spec.memory import MemoryKind

_COMPRESSED_BY_ROW = {torch.sparse_csr, torch.sparse_bsr}
_COMPRESSED_BY_COLUMN = {torch.sparse_csc, torch.sparse_bsc}
_CODE = {kind: code for code, kind in enumerate(KINDS)}
_PASSING = {_CODE[MemoryKind.ACTIVATIONS], _CODE[MemoryKind.OTHER]}
"""Kinds that a storage has by birth, until it turns out to be something else."""


class _Held(NamedTuple):
    """A storage that is alive, and the bytes it was last seen with."""

    watch: "weakref.ref[UntypedStorage]"
    number: int
    num_bytes: int


@runtime_checkable
class Observable(Protocol):
    """A dispatch mode that calls `count_operator` of its counters for all that runs on the device.

    It saves each of them a dispatch of its own.
    """

    counters: list["LiveStorage"]


class LiveStorage(TorchDispatchMode):  # type: ignore[no-untyped-call] # torch's hook for subclasses
    """While it is entered, counts the bytes of all storages that operators read or write and that are still alive.

    A storage counts once, for any number of views of it, from the first operator that meets it until it dies; so
    gradients, activations kept for the backward pass and optimizer states are in. Storages that were there before count
    from `track` on, or from the first operator that reads them. Memory that one operator takes and gives back inside
    itself is not seen, nor is what an allocator rounds up or keeps in reserve.

    With a `device_type`, tensors elsewhere do not count. A tensor that is as wide as `logits_width` in its last
    dimension counts as logits.
    """

    def __init__(self, *, device_type: str | None = None, logits_width: int | None = None) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._device_type = device_type
        self._held: dict[int, _Held] = {}
        self._logits_width = logits_width
        self._events, self._changes, self._kinds = array("q"), array("q"), array("b")
        self._marks: list[Mark] = []
        self._in_model = 0
        self._in_optimizer = False
        self._observed: Observable | None = None
        self._resizes = ExitStack()
        self.live_bytes = 0
        """Bytes held now."""
        self.peak_bytes = 0
        """Most bytes held at once so far."""

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        """Nothing is compiled here; being wrapped against it would double the time of small operators."""
        return False

    def track(self, tensors: Iterable[Tensor], kind: MemoryKind | None = None) -> None:
        """Count tensors that exist already, perhaps as something that is known."""
        for tensor in tensors:
            if self._device_type is not None and _device_of(tensor).type != self._device_type:
                continue
            for storage in _storages(tensor):
                self._see(storage, tensor, kind)
        self.peak_bytes = max(self.peak_bytes, self.live_bytes)

    def label(self, tensors: Iterable[Tensor], kind: MemoryKind) -> None:
        """Say what storages are for that were counted without anyone knowing. What is known already stays."""
        for tensor in tensors:
            for storage in _storages(tensor):
                held = self._held.get(storage._cdata)
                if held is not None and self._kinds[held.number] in _PASSING:
                    self._kinds[held.number] = _CODE[kind]

    def mark(self, name: str) -> None:
        """Name this moment."""
        self._marks.append(Mark(len(self._events), name))

    def log(self) -> StorageLog:
        """Return everything that happened so far."""
        return StorageLog(
            storage=np.array(self._events, dtype=np.int64),
            change_bytes=np.array(self._changes, dtype=np.int64),
            kind=np.array(self._kinds, dtype=np.int8),
            marks=tuple(self._marks),
        )

    @contextmanager
    def watching(self, model: nn.Module) -> Iterator[None]:
        """Tell gradients, optimizer states and passes apart. Marks "forward", "optimizer" and "stepped"."""
        parameters = list(model.parameters())

        def enter(*_: object) -> None:
            if not self._in_model:
                self.mark("forward")
            self._in_model += 1

        def leave(*_: object) -> None:
            self._in_model -= 1

        def before_step(optimizer: torch.optim.Optimizer, *_: object) -> None:
            self.mark("optimizer")
            self._in_optimizer = True
            stepped = [p for group in optimizer.param_groups for p in group["params"]]
            gradients = [p.grad for p in (*parameters, *stepped) if p.grad is not None]
            self.label(gradients, MemoryKind.GRADIENTS)

        def after_step(optimizer: torch.optim.Optimizer, *_: object) -> None:
            self._in_optimizer = False
            self.mark("stepped")
            states = tree_leaves(list(optimizer.state.values()))
            self.label((leaf for leaf in states if isinstance(leaf, Tensor)), MemoryKind.OPTIMIZER_STATE)

        # Generation does not go through the outermost wrapper, so every module that can generate is watched as well.
        whole = [module for module in model.modules() if module is model or hasattr(module, "generate")]
        handles = [
            *(module.register_forward_pre_hook(enter, prepend=True) for module in whole),
            *(module.register_forward_hook(leave, always_call=True) for module in whole),
            register_optimizer_step_pre_hook(before_step),
            register_optimizer_step_post_hook(after_step),
        ]
        try:
            yield
        finally:
            for handle in handles:
                handle.remove()

    def __torch_dispatch__(
        self, func: Any, types: Sequence[type], args: Sequence[Any] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        """Run the operator, then count what it was given and what it made."""
        result = func(*args, **kwargs) if kwargs else func(*args)
        with torch._C.DisableTorchFunction():
            self.count_operator(args, kwargs, result)
        return result

    def count_operator(self, args: Sequence[Any], kwargs: Mapping[str, Any] | None, result: Any) -> None:
        """Count what an operator was given and what it made."""
        self.track(tensors_in((*args, result), kwargs))

    def resized(self, storage: UntypedStorage) -> None:
        """Count a storage anew that was resized without an operator, as those of sharded parameters are."""
        if storage._cdata in self._held:
            self._follow(storage._cdata, storage.nbytes())
            self.peak_bytes = max(self.peak_bytes, self.live_bytes)

    def __enter__(self) -> Self:
        """Begin to count, through the `Observable` mode that is entered if there is one."""
        self._resizes.enter_context(_on_resize(self.resized))
        stack = _get_current_dispatch_mode_stack()
        self._observed = next((mode for mode in reversed(stack) if isinstance(mode, Observable)), None)
        if self._observed is None:
            super().__enter__()  # type: ignore[no-untyped-call]
        else:
            self._observed.counters.append(self)
        return self

    def __exit__(self, *error: Any) -> None:
        """Stop counting."""
        self._resizes.close()
        if self._observed is None:
            super().__exit__(*error)  # type: ignore[no-untyped-call]
        else:
            self._observed.counters.remove(self)

    def _birth_kind(self, tensor: Tensor) -> int:
        if not (tensor.is_floating_point() or tensor.is_complex()) or self._in_optimizer:
            return _CODE[MemoryKind.OTHER]
        computing = self._in_model or torch.is_grad_enabled() or torch._C._current_graph_task_id() != -1
        if not computing:
            return _CODE[MemoryKind.OTHER]
        if tensor.ndim > 1 and tensor.shape[-1] == self._logits_width:
            return _CODE[MemoryKind.LOGITS]
        return _CODE[MemoryKind.ACTIVATIONS]

    def _see(self, storage: UntypedStorage, tensor: Tensor, kind: MemoryKind | None) -> None:
        key, num_bytes = storage._cdata, storage.nbytes()
        known = self._held.get(key)
        if known is not None:
            self._follow(key, num_bytes)  # some operators resize the tensor they write to
            return
        number = len(self._kinds)
        self._held[key] = _Held(weakref.ref(storage, lambda _: self._forget(key)), number, num_bytes)
        self._kinds.append(self._birth_kind(tensor) if kind is None else _CODE[kind])
        self._happened(number, num_bytes)

    def _follow(self, key: int, num_bytes: int) -> None:
        known = self._held[key]
        if num_bytes != known.num_bytes:
            self._held[key] = known._replace(num_bytes=num_bytes)
            self._happened(known.number, num_bytes - known.num_bytes)

    def _forget(self, key: int) -> None:
        held = self._held.pop(key)
        self._happened(held.number, -held.num_bytes)

    def _happened(self, number: int, change_bytes: int) -> None:
        self._events.append(number)
        self._changes.append(change_bytes)
        self.live_bytes += change_bytes


@contextmanager
def _on_resize(resized: Callable[[UntypedStorage], None]) -> Iterator[None]:
    """Call a function with each storage that `UntypedStorage.resize_` has changed: no operator says it."""
    resize = UntypedStorage.resize_

    def resize_(storage: UntypedStorage, num_bytes: int) -> Any:
        result = resize(storage, num_bytes)
        resized(storage)
        return result

    setattr(UntypedStorage, "resize_", resize_)  # noqa: B010
    try:
        yield
    finally:
        setattr(UntypedStorage, "resize_", resize)  # noqa: B010


def count_memory(
    model: nn.Module,
    run: Callable[[], object],
    *,
    base: Iterable[Tensor] = (),
    others: Iterable[Tensor] = (),
    logits_width: int | None = None,
) -> StorageLog:
    """Return what happened to memory while `run` worked with the model.

    What lies on the device of the model's first parameter counts. Parameters, their gradients and buffers count from
    the start, and so do `others`. Tensors of the model that are among `base` are the base model's, the rest came with
    the method. Counting makes `run` several times slower, so clocks are read elsewhere.
    """
    of_base = {id(tensor) for tensor in base}
    parameters = list(model.parameters())
    counter = LiveStorage(device_type=parameters[0].device.type, logits_width=logits_width)
    for tensor in (*parameters, *model.buffers()):
        counter.track([tensor], MemoryKind.BASE_WEIGHTS if id(tensor) in of_base else MemoryKind.ADAPTER)
    counter.track((p.grad for p in parameters if p.grad is not None), MemoryKind.GRADIENTS)
    counter.track(others, MemoryKind.OTHER)
    gc.collect()
    collects = gc.isenabled()
    gc.disable()  # when the collector runs depends on all that the process did before, and so would the peak
    try:
        with counter.watching(model), counter:
            run()
    finally:
        if collects:
            gc.enable()
    return counter.log()


def count_peak_bytes(model: nn.Module, run: Callable[[], object]) -> int:
    """Return the most bytes that tensors hold at once while `run` works with the model."""
    return count_memory(model, run).peak().peak_bytes


def tensors_in(args: Sequence[Any], kwargs: Mapping[str, Any] | None = None) -> Iterator[Tensor]:
    """Yield the tensors among an operator's arguments or results: they stand alone or in lists, never deeper."""
    for value in (*args, *kwargs.values()) if kwargs else args:
        if isinstance(value, Tensor):
            yield value
        elif isinstance(value, list | tuple):
            yield from (part for part in value if isinstance(part, Tensor))


def _device_of(tensor: Tensor) -> torch.device:
    """Return a tensor's device; of a fake tensor without asking its mode, which takes as long as an operator."""
    return tensor.fake_device if isinstance(tensor, FakeTensor) else tensor.device


def _storages(tensor: Tensor) -> Sequence[UntypedStorage]:
    """Return the storages behind a tensor: one for a plain tensor, several for a sparse or a quantised one."""
    if isinstance(tensor, FakeTensor) and tensor.layout is torch.strided:
        return (tensor.untyped_storage(),)
    if is_traceable_wrapper_subclass(tensor):
        names, _ = tensor.__tensor_flatten__()
        parts = [part for part in (getattr(tensor, name) for name in names) if isinstance(part, Tensor)]
    elif tensor.layout == torch.sparse_coo:
        parts = [tensor._indices(), tensor._values()]
    elif tensor.layout in _COMPRESSED_BY_ROW:
        parts = [tensor.crow_indices(), tensor.col_indices(), tensor.values()]
    elif tensor.layout in _COMPRESSED_BY_COLUMN:
        parts = [tensor.ccol_indices(), tensor.row_indices(), tensor.values()]
    else:
        return (tensor.untyped_storage(),)
    return tuple(storage for part in parts for storage in _storages(part))
