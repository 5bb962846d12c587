"""The contract that every method keeps, and what is special about this one."""

import pytest
import torch

from paretune.methods import check_method, resolve
from paretune.spec import InputError, MethodEntry
from paretune.testing import MethodContract, ToyTraining, toy_logits
from paretune.testing.toy_training import fresh_base


class TestBlockGains(MethodContract):
    method = "block-gains"
    learning_rate = 5e-2


class TestAttentionOnly(MethodContract):
    method = "block-gains"
    parameters = {"layers": ["o_proj"]}
    learning_rate = 5e-2


def test_gains_of_one_change_nothing() -> None:
    assert torch.equal(toy_logits(ToyTraining("block-gains").model), toy_logits(fresh_base()))


def test_a_layer_that_does_not_exist_is_refused() -> None:
    spec = resolve(MethodEntry(name="block-gains", parameters={"layers": ["out"]}))
    with pytest.raises(InputError, match='the base model has no layer called "out"'):
        check_method(spec, ["model.layers.0.self_attn.o_proj"])
