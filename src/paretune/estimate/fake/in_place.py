"""Additions that the autograd engine does in place, but not with tensor subclasses such as fake tensors."""

import sys
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor
from torch._ops import OpOverload

_ADD = torch.ops.aten.add.Tensor
_ENGINE = torch.autograd.graph._engine_run_backward.__code__


def adds_in_place(func: OpOverload, args: Sequence[Any], kwargs: Mapping[str, Any]) -> bool:
    """Tell whether an addition is the engine's, of a second gradient to a first that has no other reference.

    The engine writes such a sum into the first gradient (`torch/csrc/autograd/input_buffer.cpp`,
    `can_accumulate_inplace`). To be called directly from a mode's `__torch_dispatch__`.
    """
    if func is not _ADD or kwargs or torch.is_grad_enabled() or torch._C._current_graph_task_id() == -1:
        return False
    if sys._getframe(2).f_code is not _ENGINE:  # a method's own backward pass, in Python
        return False
    first, second = args
    if not isinstance(second, Tensor) or first is second or first._is_view():
        return False
    # The second has just come out of its operator and is held by the engine alone.
    alike = first.shape == second.shape and first.dtype == second.dtype
    return bool(alike and first._use_count() <= second._use_count())  # type: ignore[attr-defined]
