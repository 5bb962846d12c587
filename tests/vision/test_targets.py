"""Where adapters go: the parts that `targets` names, for every class, and nowhere else."""

from collections.abc import Callable
from typing import Any

import pytest
from torch import nn

from paretune.kinds import kind_named
from paretune.methods import build, check_method, resolve
from paretune.methods.parts import PARTS, parts_of
from paretune.models import load_model
from paretune.spec import CAUSAL_LM, IMAGE_TEXT, MethodEntry, Recipe
from paretune.testing.refusal import refusal
from tests.vision.toys import TOYS

COMBINATIONS = ("language", "vision", "projector", "language+projector", "language+vision+projector")
BARE = "gemma3"
"""The class whose projector is a bare parameter."""


def attached(model: Any, name: str, kind: str = IMAGE_TEXT, **parameters: Any) -> nn.Module:
    """Return a model with a method attached as a trial does."""
    spec = resolve(MethodEntry(name=name, parameters=parameters))
    check_method(spec, [module for module, _ in model.named_modules() if module])
    return build(spec).wrap(model, kind_named(kind).context(Recipe(), 1e-3, 0, None))


def trained_in(name: str, method: str, **parameters: Any) -> dict[str, int]:
    """Return how many parameters are trained in each part of a toy."""
    model = TOYS[name]().model
    parts = parts_of(model)
    wrapped = attached(model, method, **parameters)
    found: dict[str, int] = dict.fromkeys(PARTS, 0)
    for full_name, parameter in wrapped.named_parameters():
        if parameter.requires_grad:
            own = full_name.removeprefix("base_model.model.")
            (part,) = (part for part in PARTS if parts.holds((part,), own))
            found[part] += parameter.numel()
    return found


@pytest.mark.parametrize("name", TOYS)
def test_every_parameter_lies_in_one_part(name: str) -> None:
    model = TOYS[name]().model
    parts = parts_of(model)
    for parameter, _ in model.named_parameters():
        assert sum(parts.holds((part,), parameter) for part in PARTS) == 1, parameter


@pytest.mark.parametrize("name", TOYS)
@pytest.mark.parametrize("method", ["lora", "oft", "ia3", "full"])
@pytest.mark.parametrize("targets", COMBINATIONS)
def test_what_is_named_is_trained_and_nothing_else(name: str, method: str, targets: str) -> None:
    if name == BARE and method in {"oft", "ia3"} and "projector" in targets:
        said = refusal(lambda: trained_in(name, method, targets=targets))
        assert "no layer in its projector that the method adapts" in said
        return
    found = trained_in(name, method, targets=targets)
    assert {part for part, number in found.items() if number} == set(targets.split("+"))


@pytest.mark.parametrize("name", TOYS)
@pytest.mark.parametrize("method", ["lora", "adalora", "ia3", "oft", "ln-tuning"])
def test_adapters_go_into_the_language_tower_by_default(name: str, method: str) -> None:
    found = trained_in(name, method)
    assert found["language"] > 0
    assert found["vision"] == found["projector"] == 0


def test_the_row_says_which_parts_are_trained() -> None:
    assert resolve(MethodEntry(name="lora", parameters={"targets": "vision"})).label == "lora (vision)"
    assert resolve(MethodEntry(name="lora", label="mine", parameters={"targets": "vision"})).label == "mine"


def test_layers_that_the_study_lists_are_taken_as_listed() -> None:
    found = trained_in("llava", "lora", target_modules=["q_proj"])
    assert found["vision"] == found["language"] > 0
    assert trained_in("llava", "lora", target_modules=["q_proj"], targets="vision")["language"] == 0


@pytest.mark.parametrize("method", ["lora", "full"])
@pytest.mark.parametrize("targets", ["visoin", "", "language+", "language+language", 3])
def test_what_is_no_part_is_refused(method: str, targets: Any) -> None:
    said = refusal(lambda: trained_in("llava", method, targets=targets))
    assert "targets" in said
    assert said.startswith(f'method "{method}')


@pytest.mark.parametrize("method", ["lora", "full"])
def test_models_of_text_alone_have_no_parts(method: str) -> None:
    said = refusal(lambda: attached(load_model("toy:llama").model, method, CAUSAL_LM, targets="vision"))
    assert "only models of pictures and text have parts" in said


@pytest.mark.parametrize("name", TOYS)
def test_virtual_tokens_among_embeddings_are_refused(toy: Callable[[str], str], name: str) -> None:
    said = refusal(lambda: attached(load_model(toy(name), sees=True).model, "prompt-tuning"))
    assert "prefix-tuning" in said
