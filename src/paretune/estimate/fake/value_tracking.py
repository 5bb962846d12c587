"""Values of fake tensors, as far as they are known: for code that branches on masks, indices and shapes.

Fake tensors have shapes and no values, but methods branch on values: a random number against a dropout probability,
whether any element is infinite, the positions where a mask is one. Most such values do not depend on weights: they come
from constants, ranges and permutations. So for every fake storage with known content a real one is kept, and operators
run on both. Large constants are kept as one number. Values that depend on weights or activations are unknown. A branch
on one gets the value of a run without errors (finite, nonzero, and false for every comparison), and indexing with an
unknown mask selects everything, which needs the most memory.
"""

import weakref
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from functools import cache
from math import prod
from typing import Any, NamedTuple

import torch
from torch import Tensor, UntypedStorage
from torch._ops import OpOverload
from torch._subclasses.fake_tensor import DataDependentOutputException, DynamicOutputShapeException, FakeTensor
from torch.utils._mode_utils import no_dispatch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves, tree_map

from paretune.estimate.fake.in_place import adds_in_place
from paretune.estimate.fake.loop_guard import LoopGuard
from paretune.estimate.fake.operator_results import OperatorResults
from paretune.estimate.fake.sparse_shapes import SparseShapes
from paretune.measure.memory import LiveStorage, tensors_in
from paretune.spec import InputError

_ATEN = torch.ops.aten
_DEVICE_OF = torch.ops.prim.device.default
_HOST = torch.device("cpu")

LARGEST_BYTES = 3 << 29
"""Known integers and booleans are kept up to this size."""
LARGEST_FLOATS = 1 << 16
"""Known floating-point numbers are kept up to this count, unless they are all the same."""

LARGEST_ON_HOST = 1 << 20
"""Tensors on the host with up to this many elements are real, and constants of any size."""

_FILLED = {
    _ATEN.zeros_like.default: 0,
    _ATEN.new_zeros.default: 0,
    _ATEN.ones_like.default: 1,
    _ATEN.new_ones.default: 1,
}
_CONSTANT = {_ATEN.zeros.default: 0, _ATEN.ones.default: 1, _ATEN.full.default: None}
_HEALTHY = {
    _ATEN.isnan.default: False,
    _ATEN.isinf.default: False,
    _ATEN.isfinite.default: True,
    _ATEN.isin.Tensor_Tensor: False,  # a generated token is not a special token
}
_DIFFERS = _ATEN.ne.Scalar
"""Of unknown whole numbers it is true everywhere, as the mask that it makes selects everything: of images those that
are not all zeros."""
_SQUARES = {_ATEN.eye.default, _ATEN.eye.m}
"""Constants whose arguments are numbers of rows and columns. Large ones are not made."""
_COPIES = {_ATEN._to_copy.default, _ATEN.clone.default, _ATEN.any.default, _ATEN.all.default}
"""Operators that map one repeated value to the same value."""
_WITHOUT_CONTENT = {_ATEN.empty.memory_format, _ATEN.empty_strided.default, _ATEN.empty_like.default}
_BY_MASK = {_ATEN.index.Tensor, _ATEN.index_put.default, _ATEN.index_put_.default, _ATEN._index_put_impl_.default}
_COSTLY = ("mm", "bmm", "addmm", "baddbmm", "convolution", "scaled_dot_product", "linalg", "fft", "solve")


class Uniform(NamedTuple):
    """A storage with the same value in every element."""

    value: Tensor
    """Scalar."""


class _Entry(NamedTuple):
    watch: "weakref.ref[UntypedStorage]"
    content: UntypedStorage | Uniform


class ValueTracking(TorchDispatchMode):  # type: ignore[no-untyped-call] # torch's hook for subclasses
    """Enter it inside a `FakeTensorMode`. Raises `InputError` where a shape depends on unknown values.

    With `host_is_real`, small tensors on the CPU are real: the model is on another device, and a method's preparation
    on the host runs unchanged.
    """

    def __init__(self, *, host_is_real: bool) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.counters: list[LiveStorage] = []
        """Memory counters that are notified of every operator on the device."""
        self._entries: dict[int, _Entry] = {}
        self._host_is_real = host_is_real
        self._sparse = SparseShapes()
        self._results = OperatorResults()
        self._loop_guard = LoopGuard()

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        """Return False: nothing is compiled here, and the guard against it doubles the time of small operators."""
        return False

    def value_of(self, tensor: Tensor) -> Tensor | None:
        """Return the real tensor of a fake one, or None where its values are unknown."""
        if not isinstance(tensor, FakeTensor):
            return tensor
        content = self._content(tensor)
        if content is None:
            return None
        with no_dispatch():
            if isinstance(content, Uniform):
                return content.value.to(tensor.dtype).expand(tensor.shape)
            real = torch.empty(0, dtype=tensor.dtype)
            return real.set_(content, tensor.storage_offset(), tensor.shape, tensor.stride())

    def __torch_dispatch__(
        self, func: OpOverload, types: Sequence[type], args: Sequence[Any] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        """Run the operator on the fake tensors, and on the values where they are known."""
        if func is _DEVICE_OF and isinstance(args[0], FakeTensor):
            return args[0].fake_device
        on_host = self._host_is_real and not kwargs and FakeTensor not in types
        if on_host and args and isinstance(args[0], Tensor) and _is_plain(func):
            with torch._C._DisableTorchDispatch():  # the most frequent case in a method's preparation on the host
                return func(*args)
        if self._host_is_real and adds_in_place(func, args, kwargs or {}):
            self._forget(args[0])
            return args[0]
        with torch._C.DisableTorchFunction():
            result = self._run(func, types, args, kwargs or {})
            for counter in self.counters:
                counter.count_operator(args, kwargs, result)
            return result

    def _run(self, func: OpOverload, types: Sequence[type], args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
        if func is _ATEN._local_scalar_dense.default or func is _ATEN.equal.default:
            return self._answer(func, args)
        on_paper = FakeTensor in types
        if func in _BY_MASK and on_paper:
            args = self._masks_as_positions(args)
        inputs = list(tensors_in(args, kwargs))
        if func is _ATEN.randperm.default or func is _ATEN.randperm.generator:
            func, kwargs = _instead_of_long_permutation(func, args, kwargs)
        if self._host_is_real and not on_paper and _runs_on_host(func, args, kwargs, inputs):
            with no_dispatch():
                return func(*args, **kwargs)
        known = all(map(self._is_known, inputs))
        if func is _ATEN.nonzero.default and not known:
            with no_dispatch():
                everywhere = torch.ones(args[0].shape, dtype=torch.bool).nonzero()
            return self._fake(everywhere, args[0].device)
        try:
            result = self._results.run(func, args, kwargs, inputs, self._sparse.run)
        except (DataDependentOutputException, DynamicOutputShapeException):
            return self._shaped_by_values(func, args, kwargs, known=known)
        self._follow(func, args, kwargs, result, known=known)
        return result

    def _answer(self, func: OpOverload, args: Sequence[Any]) -> Any:
        values = [self.value_of(argument) for argument in args]
        if all(value is not None for value in values):
            with no_dispatch():
                return func(*values)
        self._loop_guard.ask()
        dtype = args[0].dtype
        if func is _ATEN.equal.default or dtype == torch.bool:
            return False
        return 1.0 if dtype.is_floating_point else 1

    def _masks_as_positions(self, args: Sequence[Any]) -> Sequence[Any]:
        """Replace boolean masks among the indices by the positions that are true, whose number is fixed."""
        indices: list[Any] = []
        for index in args[1]:
            if isinstance(index, Tensor) and index.dtype == torch.bool:
                with no_dispatch():
                    positions = self._mask(index).nonzero(as_tuple=True)
                indices += [self._fake(position, args[0].device) for position in positions]
            else:
                indices.append(index)
        return (args[0], indices, *args[2:])

    def _mask(self, mask: Tensor) -> Tensor:
        """Return a mask's values; an unknown mask selects everything, which needs the most memory."""
        known = self.value_of(mask)
        return torch.ones(mask.shape, dtype=torch.bool) if known is None else known

    def _shaped_by_values(
        self, func: OpOverload, args: Sequence[Any], kwargs: Mapping[str, Any], *, known: bool
    ) -> Any:
        if not known:
            raise InputError(f"the shape of a tensor depends on values that are unknown without weights ({func})")
        with no_dispatch():
            real_args, real_kwargs = self._real((args, dict(kwargs)))
            result = func(*real_args, **real_kwargs)
        device = next(leaf.device for leaf in tree_leaves((args, kwargs)) if isinstance(leaf, Tensor))
        return tree_map(lambda leaf: self._fake(leaf, device) if isinstance(leaf, Tensor) else leaf, result)

    def _follow(
        self, func: OpOverload, args: Sequence[Any], kwargs: Mapping[str, Any], result: Any, *, known: bool
    ) -> None:
        """Keep the known values of the operator's results and of the tensors that it wrote to."""
        if func._schema.is_mutable:
            self._follow_writing(func, args, kwargs, known=known)
        elif func in _FILLED or (func in _HEALTHY and not known):
            value = _FILLED[func] if func in _FILLED else _HEALTHY[func]
            self._learn(result, _uniform(value, result.dtype))
        elif func is _DIFFERS and not known and not args[0].is_floating_point():
            self._learn(result, _uniform(True, result.dtype))
        elif known:
            outputs = list(tensors_in((result,)))
            if not all(map(self._is_known, outputs)):
                self._compute(func, args, kwargs, outputs)

    def _follow_writing(self, func: OpOverload, args: Sequence[Any], kwargs: Mapping[str, Any], *, known: bool) -> None:
        written = list(_written(func, args, kwargs))
        if known and all(self._may_keep(tensor) for tensor in written) and _is_cheap(func, args, kwargs):
            for tensor in written:
                self._spell_out(tensor)
            with suppress(NotImplementedError), no_dispatch():
                real_args, real_kwargs = self._real((args, dict(kwargs)))
                func(*real_args, **real_kwargs)
                return
        for tensor in written:
            self._forget(tensor)

    def _forget(self, tensor: Tensor) -> None:
        if tensor.layout == torch.strided:
            self._entries.pop(tensor.untyped_storage()._cdata, None)

    def _compute(self, func: OpOverload, args: Sequence[Any], kwargs: Mapping[str, Any], outputs: list[Tensor]) -> None:
        if func in _WITHOUT_CONTENT:
            return
        uniform = self._uniform_result(func, args, kwargs, outputs)
        if uniform is not None:
            self._learn(outputs[0], uniform)
            return
        if not (all(self._may_keep(output) for output in outputs) and _is_cheap(func, args, kwargs)):
            return
        with suppress(NotImplementedError), no_dispatch():
            real_args, real_kwargs = self._real((args, dict(kwargs)))
            reals = [leaf for leaf in tree_leaves(func(*real_args, **real_kwargs)) if isinstance(leaf, Tensor)]
            for output, real in zip(outputs, reals, strict=True):
                if not self._is_known(output) and output.stride() == real.stride():
                    self._learn(output, real.untyped_storage())

    def _uniform_result(
        self, func: OpOverload, args: Sequence[Any], kwargs: Mapping[str, Any], outputs: list[Tensor]
    ) -> Uniform | None:
        """Return the value that all elements of the result have, where it is known without computing all of them."""
        if len(outputs) != 1:
            return None
        inputs = [leaf for leaf in tree_leaves((args, kwargs)) if isinstance(leaf, Tensor)]
        if not inputs:
            return _constant(func, args, outputs[0])
        if not all(tensor.ndim == 0 or isinstance(self._content(tensor), Uniform) for tensor in inputs):
            return None
        if torch.Tag.pointwise not in func.tags and func not in _COPIES:
            return None
        with no_dispatch():
            scalars, options = self._real(
                tree_map(lambda leaf: self._scalar(leaf) if isinstance(leaf, Tensor) else leaf, (args, dict(kwargs)))
            )
            value: Tensor = func(*scalars, **options)
        return Uniform(value) if value.ndim == 0 else None

    def _scalar(self, tensor: Tensor) -> Tensor:
        value = self.value_of(tensor)
        assert value is not None
        return value[(0,) * value.ndim] if value.numel() else torch.zeros((), dtype=tensor.dtype)

    def _may_keep(self, tensor: Tensor) -> bool:
        if tensor.layout != torch.strided:
            return False
        num_bytes = tensor.untyped_storage().nbytes()
        if tensor.is_floating_point() or tensor.is_complex():
            return num_bytes <= LARGEST_FLOATS * tensor.element_size()
        return num_bytes <= LARGEST_BYTES

    def _spell_out(self, tensor: Tensor) -> None:
        """Expand one repeated value into a whole storage, so that parts of it can change."""
        content = self._content(tensor)
        if isinstance(content, Uniform):
            with no_dispatch():
                whole = torch.empty(tensor.untyped_storage().nbytes() // tensor.element_size(), dtype=tensor.dtype)
                whole.fill_(content.value.to(tensor.dtype))
            self._learn(tensor, whole.untyped_storage())

    def _content(self, tensor: Tensor) -> UntypedStorage | Uniform | None:
        if tensor.layout != torch.strided:
            return None
        entry = self._entries.get(tensor.untyped_storage()._cdata)
        return None if entry is None else entry.content

    def _is_known(self, tensor: Tensor) -> bool:
        return not isinstance(tensor, FakeTensor) or self._content(tensor) is not None

    def _learn(self, tensor: Tensor, content: UntypedStorage | Uniform) -> None:
        storage = tensor.untyped_storage()
        key = storage._cdata
        self._entries[key] = _Entry(weakref.ref(storage, lambda _: self._entries.pop(key, None)), content)

    def _fake(self, real: Tensor, device: torch.device) -> Tensor:
        """Return a fake tensor on a device that has a real one's shape and its values."""
        fake = torch.empty_strided(real.shape, real.stride(), dtype=real.dtype, device=device)
        self._learn(fake, real.untyped_storage())
        return fake

    def _real(self, tree: Any) -> Any:
        """Return arguments with fake tensors replaced by their values and devices by the host."""

        def real(leaf: Any) -> Any:
            if isinstance(leaf, Tensor):
                return self.value_of(leaf)
            return _HOST if isinstance(leaf, torch.device) else leaf

        return tree_map(real, tree)


def _is_cheap(func: OpOverload, args: Sequence[Any], kwargs: Mapping[str, Any]) -> bool:
    """Tell whether computing real values is cheap enough: no large matrix products."""
    if _is_plain(func):
        return True
    sizes = [leaf.numel() for leaf in tree_leaves((args, kwargs)) if isinstance(leaf, Tensor)]
    return max(sizes, default=0) <= LARGEST_FLOATS


@cache
def _is_plain(func: OpOverload) -> bool:
    """Tell whether an operator takes little time per element."""
    return not any(costly in func.__name__ for costly in _COSTLY)


def _runs_on_host(func: OpOverload, args: Sequence[Any], kwargs: Mapping[str, Any], inputs: Sequence[Tensor]) -> bool:
    """Tell whether an operator on real tensors uses only small tensors on the host."""
    if kwargs.get("device", _HOST) not in {None, _HOST}:
        return False
    if inputs:
        return _is_cheap(func, args, kwargs)
    num_elements = prod(args[0]) if args and isinstance(args[0], list | tuple) else 0
    if func in _SQUARES:
        num_elements = args[0] * args[-1]
    return num_elements <= LARGEST_ON_HOST or func in _CONSTANT


def _instead_of_long_permutation(
    func: OpOverload, args: Sequence[Any], kwargs: Mapping[str, Any]
) -> tuple[OpOverload, Mapping[str, Any]]:
    """Return a range in place of a long permutation, which takes long to draw; only the set of its numbers matters."""
    if args[0] <= LARGEST_FLOATS:
        return func, kwargs
    options = {name: value for name, value in kwargs.items() if name != "generator"}
    return _ATEN.arange.default, {"dtype": torch.int64, **options}


def _constant(func: OpOverload, args: Sequence[Any], output: Tensor) -> Uniform | None:
    """Return the value of a constant tensor, from the operator that made it."""
    if func not in _CONSTANT:
        return None
    return _uniform(args[1] if func is _ATEN.full.default else _CONSTANT[func], output.dtype)


def _uniform(value: Any, dtype: torch.dtype) -> Uniform:
    with no_dispatch():
        return Uniform(torch.tensor(value, dtype=dtype))


def _written(func: OpOverload, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Iterator[Tensor]:
    """Yield the tensors that an operator writes to."""
    for position, argument in enumerate(func._schema.arguments):
        if argument.alias_info is not None and argument.alias_info.is_write:
            value = args[position] if position < len(args) else kwargs.get(argument.name)
            yield from (leaf for leaf in tree_leaves(value) if isinstance(leaf, Tensor))
