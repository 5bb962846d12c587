"""Base models without weights."""

from collections.abc import Sequence
from typing import Any

import pytest

from paretune.estimate.fake.fake_tensors import fake_tensors
from paretune.kinds import kind_of_shape, skeleton, without_initial_values
from paretune.models import find_shape

Described = tuple[Sequence[tuple[str, Any, Any, bool]], Sequence[tuple[str, Any]], bool]


def described(model: Any) -> Described:
    """Return parameters and buffers with their shapes, and whether embeddings are tied."""
    tensors = [(name, one.shape, one.dtype, one.requires_grad) for name, one in model.named_parameters()]
    tied = model.get_input_embeddings().weight is model.get_output_embeddings().weight
    return tensors, [(name, one.shape) for name, one in model.named_buffers()], tied


@pytest.mark.parametrize("reference", ["toy:llama", "toy:tied-llama"])
def test_a_model_without_initial_values_is_the_same_model(reference: str) -> None:
    shape = find_shape(reference)
    kind = kind_of_shape(shape)
    with fake_tensors("cpu"):
        usual = skeleton(kind, shape, "float32")
    with fake_tensors("cpu"), without_initial_values():
        bare = skeleton(kind, shape, "float32")
    assert described(bare) == described(usual)
    assert described(bare)[-1] == (reference == "toy:tied-llama")


def test_models_that_are_built_afterwards_have_initial_values() -> None:
    shape = find_shape("toy:llama")
    with fake_tensors("cpu"), without_initial_values():
        skeleton(kind_of_shape(shape), shape, "float32")
    model: Any = skeleton(kind_of_shape(shape), shape, "float32")
    spread = model.get_input_embeddings().weight.std().item()
    assert spread == pytest.approx(shape.config["initializer_range"], rel=0.1)
