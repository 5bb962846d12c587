"""Methods go on encoders and diffusion transformers as they go on language models."""

from itertools import repeat
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import torch
from torch import Tensor, nn

from paretune.kinds import kind_named
from paretune.methods import Context, build, resolve
from paretune.models.toy_diffusion import toy_diffusion
from paretune.models.toy_encoder import toy_encoder
from paretune.spec import CLASSIFIER, DIFFUSION, MethodEntry, ModelKind, Recipe

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning", "ignore::FutureWarning")


def ask_encoder(model: nn.Module) -> Tensor:
    tokens = torch.arange(2, 42).reshape(2, 20)
    answer: Tensor = model(input_ids=tokens, attention_mask=torch.ones_like(tokens)).logits
    return answer


def ask_diffusion_transformer(model: nn.Module) -> Tensor:
    torch.manual_seed(1)
    answer: Tensor = model(
        hidden_states=torch.randn(2, 16, 16),
        encoder_hidden_states=torch.randn(2, 5, 32),
        timestep=torch.full((2,), 0.5),
        img_ids=torch.zeros(2, 16, 4),
        txt_ids=torch.zeros(2, 5, 4),
    ).sample
    return answer


KINDS: dict[ModelKind, Any] = {
    CLASSIFIER: (toy_encoder, ask_encoder),
    DIFFUSION: (toy_diffusion, ask_diffusion_transformer),
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", ["full", "lora", "pissa", "adalora", "oft", "ln-tuning", "ia3"])
def test_a_method_trains_and_reloads_on_another_kind_of_model(name: str, kind: ModelKind, tmp_path: Path) -> None:
    new_base, ask = KINDS[kind]
    expected_of_base = ask(new_base()).detach()
    method = build(resolve(MethodEntry(name=name)))
    context = Context(Recipe(steps=4), 1e-2, 0, tokenizer=None, kind=kind_named(kind).traits)
    model = method.wrap(new_base(), context)
    optimizer = method.optimizer(model, context)
    for _ in range(2):  # many methods start with a factor of zero, whose partner gets no gradient in the first step
        ask(model).square().mean().backward()
        optimizer.step()
        optimizer.zero_grad()
    expected = ask(model.eval()).detach()
    assert not torch.allclose(expected, expected_of_base, atol=1e-4)
    method.save(model, tmp_path / "saved")
    again = build(method.spec).load(new_base(), tmp_path / "saved")
    torch.testing.assert_close(ask(again), expected, atol=2e-5, rtol=1e-4)


def test_the_classification_head_is_trained_along() -> None:
    method = build(resolve(MethodEntry(name="lora")))
    model = method.wrap(toy_encoder(), Context(Recipe(), 1e-3, 0, tokenizer=None, kind=kind_named(CLASSIFIER).traits))
    assert any("classifier" in name for name, value in model.named_parameters() if value.requires_grad)


def test_on_a_diffusion_transformer_the_linear_layers_of_all_blocks_are_adapted() -> None:
    method = build(resolve(MethodEntry(name="lora")))
    model = method.wrap(toy_diffusion(), Context(Recipe(), 1e-3, 0, tokenizer=None, kind=kind_named(DIFFUSION).traits))
    adapted = {name.partition(".lora_A")[0] for name, _ in model.named_parameters() if "lora_A" in name}
    assert len(adapted) == 16
    assert all("transformer_blocks." in name for name in adapted)


class Rows(NamedTuple):
    """A batch that says no more than how many rows it has: the questions are always the same."""

    rows: Tensor
    num_terms: int = 2

    def to(self, device: torch.device) -> "Rows":
        return self


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", ["eva", "corda", "lora-ga"])
def test_a_start_is_computed_from_data_of_another_kind(name: str, kind: ModelKind, tmp_path: Path) -> None:
    new_base, ask = KINDS[kind]
    method = build(resolve(MethodEntry(name=name, parameters={"r": 4, "start_batches": 2})))
    context = Context(
        Recipe(steps=4),
        1e-2,
        0,
        tokenizer=None,
        kind=kind_named(kind).traits,
        objective=lambda model, batch: ask(model).square().sum(),
    )
    model = method.wrap(new_base(), context)
    plain = {name: value.detach().clone() for name, value in model.named_parameters() if "lora_A" in name}
    method.before_training(model, context, repeat(Rows(torch.zeros(2, 1))))
    now = dict(model.named_parameters())
    assert all(now[name].shape != value.shape or not torch.equal(now[name], value) for name, value in plain.items())
    torch.testing.assert_close(ask(model.eval()), ask(new_base()), atol=2e-5, rtol=1e-3)
    ask(model).square().mean().backward()
    method.optimizer(model, context).step()
    expected = ask(model).detach()
    method.save(model, tmp_path / "saved")
    again = build(method.spec).load(new_base(), tmp_path / "saved")
    torch.testing.assert_close(ask(again), expected, atol=2e-5, rtol=1e-3)
