"""Every preset goes the whole way on a small model: attach, train, save, reload, give the same logits."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from paretune.methods import build, check_method, method_cards, resolve
from paretune.models import load_model
from paretune.spec import MethodEntry

CARDS = {card.name: card for card in method_cards()}
WITH_PRESET = [name for name, card in CARDS.items() if card.prior_learning_rate is not None]
ASKED_FOR = {
    *("lora", "rslora", "dora", "pissa", "lora-fa", "lora-plus", "adalora", "oft", "boft", "loha", "lokr", "ia3"),
    *("vera", "hra", "miss", "beft", "lily", "ln-tuning", "prompt-tuning", "prefix-tuning", "full", "base"),
}
SMALLER: dict[str, dict[str, Any]] = {
    "c3a": {"block_size": 8},
    "waveft": {"n_frequency": 200},
    "road": {"group_size": 16},
    "vblora": {"vector_length": 16},
}
"""Presets are for models that are wider than the toy."""
PROBE = torch.arange(5, 45).reshape(2, 20)


def logits(model: Any) -> torch.Tensor:
    with torch.no_grad():
        result: torch.Tensor = model.eval()(input_ids=PROBE, attention_mask=torch.ones_like(PROBE)).logits
    return result


def test_what_was_promised_is_there() -> None:
    assert set(CARDS) >= ASKED_FOR


@pytest.mark.filterwarnings("ignore::UserWarning", "ignore::FutureWarning")
@pytest.mark.parametrize("name", WITH_PRESET)
def test_a_preset_trains_and_comes_back_from_disk(
    name: str, trained: Callable[..., Any], toy_modules: list[str], tmp_path: Path
) -> None:
    check_method(resolve(MethodEntry(name=name)), toy_modules)
    run = trained(MethodEntry(name=name, parameters=SMALLER.get(name, {})), learning_rate=1e-2)
    losses = run.train().losses
    assert min(losses[-3:]) < losses[0], losses
    after = dict(run.model.named_parameters())
    still = [
        key
        for key, value in run.before.items()
        if after[key].shape == value.shape and torch.equal(after[key], value) and "lora_E" not in key
    ]
    assert not still, "trainable parameters that did not move (but for ranks that AdaLoRA has taken away)"
    assert {parameter.dtype for parameter in run.before.values()} == {torch.float32}

    run.method.save(run.model, tmp_path / "saved")
    suffixes = {path.suffix for path in (tmp_path / "saved").iterdir()}
    assert suffixes <= {".json", ".safetensors"}
    again = build(run.spec).load(load_model("toy:llama").model, tmp_path / "saved")
    torch.testing.assert_close(logits(again), logits(run.model), atol=2e-5, rtol=1e-4)
    base = logits(load_model("toy:llama").model)
    assert not torch.allclose(logits(again)[:, -base.shape[1] :], base, atol=1e-4)
    assert not any(parameter.requires_grad for parameter in again.parameters())


def test_the_untouched_base_is_the_base(toy: Any, tmp_path: Path) -> None:
    expected = logits(toy.model)
    method = build(resolve(MethodEntry(name="base")))
    assert not method.trains
    assert torch.equal(logits(method.load(load_model("toy:llama").model, tmp_path)), expected)
    assert build(resolve(MethodEntry(name="base-few-shot"))).num_shots == 4


def test_the_same_seed_gives_the_same_start(trained: Callable[..., Any]) -> None:
    for name in ("lora", "vera", "prompt-tuning", "shira"):
        first, second = trained(MethodEntry(name=name)), trained(MethodEntry(name=name))
        assert all(torch.equal(first.before[key], second.before[key]) for key in first.before), name


def test_lora_fa_trains_second_matrices_only(trained: Callable[..., Any]) -> None:
    names = trained(MethodEntry(name="lora-fa")).before
    assert names
    assert all("lora_B" in name for name in names)


def test_lora_plus_gives_the_second_matrices_their_own_rate(trained: Callable[..., Any]) -> None:
    run = trained(MethodEntry(name="lora-plus", parameters={"loraplus_lr_ratio": 4}), learning_rate=1e-3)
    rates = {group["lr"] for group in run.optimizer.param_groups if group["params"]}
    assert rates == {1e-3, 4e-3}


def test_adalora_takes_ranks_away_and_reloads_what_is_left(trained: Callable[..., Any], tmp_path: Path) -> None:
    run = trained(
        MethodEntry(name="adalora", parameters={"init_r": 6, "target_r": 2, "target_modules": ["q_proj", "v_proj"]})
    )
    regulariser = run.method.loss_terms(run.model)
    assert regulariser is not None
    assert regulariser.item() > 0
    run.train()
    ranks = [int((value != 0).sum()) for name, value in run.model.named_parameters() if "lora_E" in name]
    assert len(ranks) == 4
    assert sum(ranks) <= 4 * 2
    run.method.save(run.model, tmp_path / "saved")
    again = build(run.spec).load(load_model("toy:llama").model, tmp_path / "saved")
    torch.testing.assert_close(logits(again), logits(run.model), atol=2e-5, rtol=1e-4)


@pytest.mark.parametrize("extra", [{}, {"use_rslora": True}])
def test_pissa_is_saved_as_plain_lora(trained: Callable[..., Any], tmp_path: Path, extra: dict[str, Any]) -> None:
    run = trained(MethodEntry(name="pissa", parameters={"r": 4, **extra}), learning_rate=1e-3)
    run.train()
    run.method.save(run.model, tmp_path / "saved")
    plain = build(resolve(MethodEntry(name="lora"))).load(load_model("toy:llama").model, tmp_path / "saved")
    torch.testing.assert_close(logits(plain), logits(run.model), atol=2e-5, rtol=1e-4)
    assert plain.peft_config["default"].r == 8  # type: ignore[index, union-attr]
