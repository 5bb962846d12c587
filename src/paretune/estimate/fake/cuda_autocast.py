"""CUDA's autocast for fake tensors on the fake CUDA device.

They have the CPU's dispatch keys, but the CPU's autocast ignores tensors whose device is not the CPU, and it computes
layer norms, softmax, sums and similar operators in 16 bits where CUDA computes them in float32. So inside the context
the kernels below replace it. Lists and rules are those of `aten/src/ATen/autocast_mode.h`; operators that promote mixed
inputs to the widest type are left out. Tensors on the host are not changed, as on a machine with a GPU.
"""

import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any, NamedTuple
from unittest.mock import patch

import torch
from torch import Tensor
from torch._ops import OpOverload
from torch._subclasses.fake_tensor import FakeTensor
from torch.utils._pytree import tree_map

_HOST = torch.device("cpu")
_KEY = torch._C.DispatchKey.AutocastCPU
_KEYS = torch._C.DispatchKeySet(_KEY)
_clear_cache = torch.clear_autocast_cache

_IN_16_BITS = (
    "_convolution", "conv1d", "conv2d", "conv3d", "conv_tbc", "conv_transpose1d", "conv_transpose2d.input",
    "conv_transpose3d.input", "convolution", "prelu", "addmm", "addmv", "addr", "matmul", "einsum", "mm", "mv",
    "linalg_vecdot", "linear", "addbmm", "baddbmm", "bmm", "chain_matmul", "linalg_multi_dot",
    "scaled_dot_product_attention",
)  # fmt: skip
_IN_FLOAT32 = (
    "acos", "asin", "cosh", "erfinv", "exp", "expm1", "log", "log10", "log2", "log1p", "reciprocal", "rsqrt", "sinh",
    "tan", "pow.Tensor_Scalar", "pow.Tensor_Tensor", "pow.Scalar", "softplus", "layer_norm", "native_layer_norm",
    "rms_norm", "group_norm", "frobenius_norm.dim", "nuclear_norm", "nuclear_norm.dim", "cosine_similarity",
    "cosine_embedding_loss", "nll_loss", "nll_loss2d", "kl_div", "l1_loss", "smooth_l1_loss", "huber_loss", "mse_loss",
    "binary_cross_entropy_with_logits", "dist", "pdist", "cdist", "renorm", "logsumexp", "norm.Scalar",
    "norm.ScalarOpt_dim",
)  # fmt: skip
_INTO_FLOAT32 = (
    "prod", "prod.dim_int", "softmax.int", "log_softmax.int", "cumprod", "cumsum", "linalg_vector_norm",
    "linalg_matrix_norm", "linalg_matrix_norm.str_ord", "sum", "sum.dim_IntList",
)  # fmt: skip
"""They get `dtype=float32` where the caller passes no dtype."""


@contextmanager
def cuda_autocast() -> Iterator[None]:
    """Let the CPU's autocast follow CUDA's rules for fake tensors that are not on the host."""
    library: Any = torch.library.Library("aten", "IMPL", _KEY.name)  # type: ignore[no-untyped-call]
    casts = _Casts()
    kernels = {_IN_16_BITS: casts.in_16_bits, _IN_FLOAT32: _in_float32, _INTO_FLOAT32: _into_float32}
    try:
        with warnings.catch_warnings(), patch("torch.clear_autocast_cache", casts.clear):
            warnings.filterwarnings("ignore", "Warning only once for all operators,  other operators may also be")
            for names, kernel in kernels.items():
                for name in names:
                    library.impl(name, partial(kernel, _overload(name)))
            yield
    finally:
        library._destroy()


class _Cast(NamedTuple):
    weight: Tensor
    """Kept alive, so that no other tensor gets the same address."""
    in_16_bits: Tensor


class _Casts:
    """Casts of float32 weights, which autocast makes once and keeps until it ends."""

    def __init__(self) -> None:
        self._kept: dict[int, _Cast] = {}

    def clear(self) -> None:
        """Do what `torch.clear_autocast_cache` does."""
        _clear_cache()
        self._kept.clear()

    def in_16_bits(self, func: OpOverload, *args: Any, **kwargs: Any) -> Any:
        """Run an operator on 16-bit tensors."""
        dtype = torch.get_autocast_dtype(_HOST.type)
        cast = partial(self._cast, dtype)
        return _past_autocast(func, *tree_map(cast, args), **tree_map(cast, kwargs))

    def _cast(self, dtype: torch.dtype, value: Any) -> Any:
        if not _is_eligible(value) or value.dtype == dtype:
            return value
        is_weight = value.dtype == torch.float32 and value.requires_grad and value.is_leaf and not value._is_view()
        if not (is_weight and torch.is_autocast_cache_enabled()):
            return _past_autocast(Tensor.to, value, dtype)
        if id(value) not in self._kept:
            self._kept[id(value)] = _Cast(value, _past_autocast(Tensor.to, value, dtype))
        return self._kept[id(value)].in_16_bits


def _in_float32(func: OpOverload, *args: Any, **kwargs: Any) -> Any:
    return _past_autocast(func, *tree_map(_widened, args), **tree_map(_widened, kwargs))


def _into_float32(func: OpOverload, *args: Any, **kwargs: Any) -> Any:
    if _is_eligible(args[0]):
        place = [argument.name for argument in func._schema.arguments].index("dtype")
        given = args[place] if place < len(args) else kwargs.get("dtype")
        args, kwargs = args[:place], {**kwargs, "dtype": given or torch.float32}
    return _past_autocast(func, *args, **kwargs)


def _widened(value: Any) -> Any:
    if not _is_eligible(value) or value.dtype == torch.float32:
        return value
    return _past_autocast(Tensor.float, value)


def _is_eligible(value: Any) -> bool:
    if not isinstance(value, FakeTensor) or value.fake_device == _HOST:
        return False
    return value.is_floating_point() and value.dtype != torch.float64


def _past_autocast(func: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    with torch._C._ExcludeDispatchKeyGuard(_KEYS):
        return func(*args, **kwargs)


def _overload(name: str) -> OpOverload:
    packet, _, overload = name.partition(".")
    return getattr(getattr(torch.ops.aten, packet), overload or "default")  # type: ignore[no-any-return]
