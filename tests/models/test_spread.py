"""Models on several accelerators: how few are taken, and that nothing meets on the wrong one. The GPUs are made up."""

from typing import Any

import accelerate.hooks
import pytest
import torch
from peft import LoraConfig, get_peft_model
from torch import nn
from transformers import LlamaConfig, LlamaForCausalLM

from paretune.engine import generator_for
from paretune.estimate.fake.fake_tensors import fake_tensors
from paretune.models.spread import device_map, is_spread, placed, spread
from paretune.models.toy import toy_model
from paretune.spec import Recipe


def deep_model() -> nn.Module:
    """Return a small Llama of twenty layers without weights."""
    sizes = {"hidden_size": 64, "intermediate_size": 128, "num_attention_heads": 4, "vocab_size": 100}
    with torch.device("meta"):
        model: nn.Module = LlamaForCausalLM(LlamaConfig(num_hidden_layers=20, **sizes))
    return model


BYTES = sum(parameter.nbytes for parameter in deep_model().parameters())


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(("share", "number"), [(2.0, 1), (0.75, 2), (0.5, 3)])
def test_no_more_accelerators_are_taken_than_hold_the_weights(share: float, number: int) -> None:
    model = deep_model()
    places = device_map(model, [int(share * BYTES)] * 8)
    assert set(places.values()) == set(range(number))
    taken = [0] * number
    for part, place in places.items():
        taken[place] += sum(parameter.nbytes for parameter in model.get_submodule(part).parameters())
    assert sum(taken) == BYTES
    assert max(taken) <= 0.8 * share * BYTES
    assert {f"model.layers.{layer}" for layer in range(20)} <= places.keys() or number == 1


@pytest.mark.filterwarnings("ignore")
def test_too_little_memory_is_said_in_one_line() -> None:
    with pytest.raises(torch.OutOfMemoryError) as refusal:
        device_map(deep_model(), [BYTES // 10] * 3)
    assert "the weights take" in str(refusal.value)
    assert "\n" not in str(refusal.value)


def test_without_an_accelerator_a_model_stays_in_main_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("paretune.models.spread.default_device", lambda: torch.device("cpu"))
    model = toy_model()
    assert spread(model) is model
    assert not is_spread(model)
    assert generator_for(model, Recipe(), rows_may_change=True) == "pooled"


def _move(module: Any, name: str, device: str, **_: Any) -> None:
    """Put a tensor of a module on a device, as accelerate does with tensors that are not fake."""
    *path, last = name.split(".")
    for part in path:
        module = getattr(module, part)
    if last in module._parameters:
        module._parameters[last] = nn.Parameter(module._parameters[last].detach().to(device), requires_grad=False)
    else:
        module._buffers[last] = module._buffers[last].to(device)


@pytest.mark.filterwarnings("ignore")
def test_each_layer_computes_on_its_accelerator_and_answers_come_back_to_the_first(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(accelerate.hooks, "set_module_tensor_to_device", _move)
    places = {"model.embed_tokens": 0, "model.layers.0": 0, "model.layers.1": 1, "model.norm": 1,
              "model.rotary_emb": 1, "lm_head": 1}  # fmt: skip
    with fake_tensors("cuda") as first, torch.no_grad():
        second = torch.device(first.type, 1)
        with pytest.raises(RuntimeError, match="same device"):
            torch.ones(2, device=first) + torch.ones(2, device=second)
        base = placed(toy_model(), places, first.type)
        model: Any = get_peft_model(base, LoraConfig(target_modules="all-linear"))
        assert is_spread(model)
        assert generator_for(model, Recipe(), rows_may_change=True) == "transformers"
        adapters = {name: parameter.device for name, parameter in model.named_parameters() if "lora_" in name}
        assert {device for name, device in adapters.items() if "layers.1" in name} == {second}
        assert {device for name, device in adapters.items() if "layers.0" in name} == {first}
        ids = torch.ones(2, 5, dtype=torch.long, device=first)
        read = model(input_ids=ids, attention_mask=torch.ones_like(ids), use_cache=True)
        cache = read.past_key_values
        assert [layer.keys.device for layer in cache.layers] == [first, second]
        written = model(
            input_ids=ids[:, :1], attention_mask=torch.ones(2, 6, dtype=torch.long, device=first),
            past_key_values=cache, use_cache=True,
        )  # fmt: skip
        assert (written.logits.device, written.logits.shape) == (first, (2, 1, read.logits.shape[-1]))
