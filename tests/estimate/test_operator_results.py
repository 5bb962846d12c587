"""Remembered results are those that the operators would make."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.utils._pytree import tree_leaves

from paretune.estimate.fake import operator_results
from paretune.estimate.fake.fake_tensors import fake_tensors

OPERATORS: dict[str, Callable[[Tensor], Any]] = {
    "new tensor": lambda x: x @ x,
    "view": lambda x: x.t()[1:],
    "views": lambda x: x.unbind(0),
    "in place": lambda x: x.mul_(2),
    "several": lambda x: torch.var_mean(x, 0),
    "positions": lambda x: x[torch.tensor([0, 2])],
    "another format": lambda x: x.to(torch.bfloat16),
    "all at once": lambda x: torch._foreach_sqrt([x, x]),
    "made from nothing": lambda x: torch.zeros(x.shape, device=x.device),
    "part of it": lambda x: x[1:2],
    "decomposed": lambda x: torch.ops.aten.silu_backward(x, x),
}


@pytest.mark.parametrize("operate", OPERATORS.values(), ids=OPERATORS.keys())
def test_the_second_time_is_like_the_first(operate: Callable[[Tensor], Any], monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[Any] = []
    again = operator_results._made_again

    def noted(*given: Any) -> Any:
        made.append(given)
        return again(*given)

    monkeypatch.setattr(operator_results, "_made_again", noted)
    with fake_tensors("cuda") as device:
        first, second = (_seen(operate, torch.randn(3, 3, device=device)) for _ in range(2))
        num_remembered = len(made)
        other = _seen(operate, torch.randn(5, 5, device=device))
    assert first == second
    assert num_remembered > 0
    assert other != first


def _seen(operate: Callable[[Tensor], Any], x: Tensor) -> list[tuple[Any, ...]]:
    """Return what can be seen of an operator's result, and whether it shares the argument's storage."""
    key = x.untyped_storage()._cdata
    return [
        (leaf.shape, leaf.stride(), leaf.storage_offset(), leaf.dtype, leaf.device.type, leaf is x,
         leaf.untyped_storage()._cdata == key, leaf.untyped_storage().nbytes())
        for leaf in tree_leaves(operate(x))
    ]  # fmt: skip


def test_a_view_begins_where_its_own_argument_does() -> None:
    with fake_tensors("cuda") as device:
        x = torch.randn(8, 3, device=device)
        first, later = x[0:2].t(), x[4:6].t()
        placed = [torch.as_strided(part, (2,), (1,), 5) for part in (x[0:2], x[4:6])]
        assert first.storage_offset() == 0
        assert later.storage_offset() == 12
        assert later.untyped_storage()._cdata == x.untyped_storage()._cdata
        assert [part.storage_offset() for part in placed] == [5, 5]


def test_results_of_the_meta_device_are_those_of_the_fake_kernels(monkeypatch: pytest.MonkeyPatch) -> None:
    def everything(x: Tensor) -> list[Tensor]:
        y = x[2:7:2]
        return [
            y,
            y.t(),
            y @ y.t(),
            y.detach(),
            y.expand(2, -1, -1),
            y.to(torch.bfloat16),
            y[None].permute(2, 0, 1),
            y.transpose(0, 1),
            y[1],
            x.view(4, 6),
            x.t().contiguous().view(-1)[3:9],
        ]

    def seen() -> list[tuple[Any, ...]]:
        with fake_tensors("cuda") as device:
            return _seen(everything, torch.randn(8, 3, device=device))

    quick = seen()
    monkeypatch.setattr(operator_results, "_PLAIN_META", set())
    assert quick == seen()


def test_what_is_written_to_many_tensors_at_once_is_still_known() -> None:
    with fake_tensors("cpu"):
        x, y = torch.zeros(3), torch.zeros(2)
        torch._foreach_add_([x, y], 1)
        assert x.sum().item() + y.sum().item() == 5
