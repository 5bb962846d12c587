"""A cache of the results of operators on fake tensors, by operator, shapes, strides and dtypes.

A model runs few operators on many tensors of few shapes. The result of a fake operator depends on shapes, strides and
dtypes only, and PyTorch's own cache spends far longer on hashing the arguments than on the result. Only simple cases
are cached: built-in operators on strided fake tensors without constants, whose outputs are new tensors, arguments, or
views of arguments. An argument's storage offset changes nothing but the offsets of its views. Everything else runs
without the cache.
"""

from collections.abc import Callable, Hashable, Mapping, Sequence
from functools import cache
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch._ops import OpOverload
from torch._subclasses.fake_tensor import FakeTensor, in_kernel_invocation_manager

from paretune.estimate.fake.fake_device import device_for_keys

_PLAIN = {
    bool, int, float, complex, str, type(None), torch.dtype, torch.device, torch.layout, torch.memory_format
}  # fmt: skip
_LEFT_ALONE = {torch.Tag.data_dependent_output, torch.Tag.dynamic_output_shape, torch.Tag.inplace_view}
_ATEN = torch.ops.aten
_INDEX = _ATEN.index.Tensor
"""Its shape depends on values only where an index is a mask, and masks have been replaced by positions."""
_BY_PLACE = {_ATEN.as_strided.default, _ATEN.as_strided_.default}
"""They count from the beginning of the storage, not of the argument."""
_PLAIN_META = {
    _ATEN._to_copy.default, _ATEN._unsafe_view.default, _ATEN.alias.default, _ATEN.detach.default, _ATEN.expand.default,
    _ATEN.mm.default, _ATEN.permute.default, _ATEN.select.int, _ATEN.slice.Tensor, _ATEN.t.default,
    _ATEN.transpose.int, _ATEN.unsqueeze.default, _ATEN.view.default,
}  # fmt: skip
"""Their kernels for the meta device return the same as on any device."""


class _Output(NamedTuple):
    """One tensor of a result."""

    argument: int | None
    """The argument that it is, or is a view of; None for a new tensor."""
    is_argument: bool
    shape: torch.Size
    stride: tuple[int, ...]
    offset: int
    """Relative to the storage offset of the argument that it is a view of."""
    dtype: torch.dtype
    device_for_keys: torch.device
    """Whose dispatch keys it has, see `fake_device`."""
    attributes: Mapping[str, Any]
    """Attributes of a fake tensor besides its storage, such as device and mode."""


class _Result(NamedTuple):
    """What an operator returned: tensors or None, in a container or alone."""

    container: type | None
    outputs: tuple[_Output | None, ...]


class _UnusualError(Exception):
    """An argument or a result that is not cached."""


class OperatorResults:
    """Caches results by operator and arguments."""

    def __init__(self) -> None:
        self._results: dict[Hashable, _Result | None] = {}

    def run(
        self,
        func: OpOverload,
        args: Sequence[Any],
        kwargs: Mapping[str, Any],
        inputs: Sequence[Tensor],
        otherwise: Callable[..., Any],
    ) -> Any:
        """Return the operator's result from the cache, or from `otherwise` where it is not cached.

        `inputs` are the tensors among the arguments, in their order.
        """
        if _only_writes(func):
            return None
        if not _is_eligible(func):
            return otherwise(func, args, kwargs)
        try:
            key = (
                func,
                torch.is_inference_mode_enabled(),
                torch.get_default_dtype(),
                *map(_described, args),
                *((name, _described(value)) for name, value in kwargs.items()),
            )
        except _UnusualError:
            return otherwise(func, args, kwargs)
        if inputs and not any(isinstance(tensor, FakeTensor) for tensor in inputs):
            return otherwise(func, args, kwargs)
        remembered = self._results.get(key)
        if remembered is not None:
            return _made_again(remembered, inputs)
        meta_alone = func in _PLAIN_META and "device" not in kwargs and _on_one_device(inputs)
        result = (_on_meta if meta_alone else otherwise)(func, args, kwargs)
        if key not in self._results:
            try:
                self._results[key] = _remembered(result, inputs)
            except _UnusualError:
                self._results[key] = None
        return result


@cache
def _only_writes(func: OpOverload) -> bool:
    """Tell whether an operator changes the values of tensors in a list, thousands perhaps, and nothing else."""
    return func.__name__.startswith("_foreach_") and not func._schema.returns


@cache
def _is_eligible(func: OpOverload) -> bool:
    return (
        func.namespace in {"aten", "prims"}
        and (func is _INDEX or not _LEFT_ALONE.intersection(func.tags))
        and func not in _BY_PLACE
        and func.__name__.split(".")[0] not in {"lift_fresh", "lift", "lift_fresh_copy"}
    )


def _on_one_device(inputs: Sequence[Tensor]) -> bool:
    devices = {tensor.fake_device if isinstance(tensor, FakeTensor) else None for tensor in inputs}
    return len(devices) == 1 and None not in devices


def _on_meta(func: OpOverload, args: Sequence[Any], kwargs: Mapping[str, Any]) -> FakeTensor:
    """Return an operator's result on fake tensors from its kernel for the meta device, without fake dispatch."""
    like: FakeTensor = args[0]
    with in_kernel_invocation_manager(like.fake_mode):
        made = func(*args, **kwargs)
    return FakeTensor(like.fake_mode, made, like.fake_device)


def _described(value: Any) -> Hashable:
    """Return everything about an argument that a result can depend on."""
    if type(value) is Tensor and value.ndim:  # a real one, whose values no shape depends on; a scalar may be a number
        if value.layout is not torch.strided:
            raise _UnusualError
        return value.shape, value.stride(), value.dtype
    if isinstance(value, FakeTensor):
        if value.constant is not None or value.layout is not torch.strided:
            raise _UnusualError
        bits = value.is_neg(), value.is_conj()
        return value.shape, value.stride(), value.dtype, value.fake_device, bits
    kind = type(value)
    if kind in _PLAIN:
        return kind, value
    if kind is list or kind is tuple:
        return kind, *map(_described, value)
    raise _UnusualError


def _remembered(result: Any, inputs: Sequence[Tensor]) -> _Result:
    places: dict[int, list[int]] = {}
    for place, tensor in enumerate(inputs):
        places.setdefault(tensor.untyped_storage()._cdata, []).append(place)
    if isinstance(result, list | tuple):
        return _Result(type(result), tuple(_output(leaf, inputs, places) for leaf in result))
    return _Result(None, (_output(result, inputs, places),))


def _output(leaf: Any, inputs: Sequence[Tensor], places: Mapping[int, Sequence[int]]) -> _Output | None:
    """Return the cache entry of one output. `places` are those of the inputs, by their storage."""
    if leaf is None:
        return None
    if not isinstance(leaf, FakeTensor) or leaf.constant is not None or leaf.layout is not torch.strided:
        raise _UnusualError
    if leaf.is_neg() or leaf.is_conj() or leaf.requires_grad:
        raise _UnusualError
    storage = leaf.untyped_storage()
    shared = places.get(storage._cdata, ())
    same = [place for place in shared if inputs[place] is leaf]
    if len(shared) > 1 and not same:
        raise _UnusualError  # several arguments share a storage: of which the result is a view is unknown
    if not shared and storage.nbytes() != _least_bytes(leaf):
        raise _UnusualError
    if shared and not isinstance(inputs[shared[0]], FakeTensor):
        raise _UnusualError
    argument = same[0] if same else shared[0] if shared else None
    offset = int(leaf.storage_offset()) - (0 if argument is None else int(inputs[argument].storage_offset()))
    device = device_for_keys(leaf.fake_device)
    attributes = {} if same else dict(leaf.__dict__)  # an argument's attributes may keep other tensors alive
    return _Output(argument, bool(same), leaf.shape, leaf.stride(), offset, leaf.dtype, device, attributes)


def _least_bytes(tensor: Tensor) -> int:
    """Return the bytes of the smallest storage that a new tensor of this shape and stride can have."""
    if not tensor.numel():
        return 0
    last = sum((size - 1) * step for size, step in zip(tensor.shape, tensor.stride(), strict=True))
    return (int(tensor.storage_offset()) + last + 1) * tensor.element_size()


def _made_again(result: _Result, inputs: Sequence[Tensor]) -> Any:
    with torch._C._DisableTorchDispatch():
        tensors = [None if output is None else _made(output, inputs) for output in result.outputs]
    return tensors[0] if result.container is None else result.container(tensors)


def _made(output: _Output, inputs: Sequence[Tensor]) -> Tensor:
    if output.argument is not None and output.is_argument:
        return inputs[output.argument]
    if output.argument is None:
        new = torch.empty_strided(output.shape, output.stride, dtype=output.dtype, device="meta")
    else:
        new = torch.empty(0, dtype=output.dtype, device="meta")
        whole = inputs[output.argument]
        offset = whole.storage_offset() + output.offset
        new.set_(whole.untyped_storage(), offset, output.shape, output.stride)
    # What `FakeTensor` itself does before it sets attribute after attribute, which takes longer than all the rest.
    fake = Tensor._make_subclass(
        FakeTensor, new, False, dispatch_device=True, device_for_backend_keys=output.device_for_keys
    )
    fake.__dict__.update(output.attributes)
    return fake
