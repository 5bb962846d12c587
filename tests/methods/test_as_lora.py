"""Methods as plain LoRA: as near as a rank allows, loaded by plain peft, and refused where LoRA cannot hold them."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from peft import PeftModel
from torch import Tensor, nn
from typer.testing import CliRunner

from paretune.cli.app import app
from paretune.cli.convert import convert_checkpoint
from paretune.execute.plan import plan
from paretune.execute.trial import run_trial
from paretune.methods.as_lora import Factors, factors_of_change, lora_spec, lost_share, write_lora
from paretune.models import load_model
from paretune.spec import InputError, Study
from tests.execute.stand_in import Deaf

TOY = "toy:llama"
OPTIONS = {"train_size": 32, "validation_size": 4, "test_size": 12}
USUAL: dict[str, Any] = {"linear_only": False, "questions": 0, "model": None, "as_json": False}
FULL_RANK = 64
"""Of every change of a weight of the toy."""


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """Return a function that trains a method on the toy for a few steps, once, and returns its checkpoint."""
    folders: dict[str, Path] = {}

    def train(method: str, **parameters: Any) -> Path:
        if method not in folders:
            value = {
                "name": "toy", "base_model": TOY, "learning_rates": [0.02],
                "methods": [{"name": method, "parameters": parameters}],
                "tasks": [{"name": "word_problems", "options": OPTIONS}],
                "recipe": {"steps": 3, "batch_size": 2},
            }  # fmt: skip
            (trial,) = plan(Study.read(value, "toy study"))
            trial = trial.model_copy(update={"measures": ("answers",)})
            folders[method] = tmp_path_factory.mktemp(method) / "adapter"
            record = run_trial(trial, folders[method], attempt=1, concurrent_workers=1, listener=Deaf()).record
            assert record.outcome.kind == "ok", record.outcome
        return folders[method]

    return train


def logits(model: nn.Module) -> Tensor:
    ids = torch.arange(3, 35).reshape(2, 16)
    with torch.no_grad():
        found: Tensor = model.eval()(input_ids=ids, attention_mask=torch.ones_like(ids)).logits
    return found


def original_logits(checkpoint: Path) -> Tensor:
    from paretune.methods import build
    from paretune.spec import Trial

    trial = Trial.read(json.loads((checkpoint / "trial.json").read_text()), "trial")
    return logits(build(trial.method).load(load_model(TOY).model, checkpoint))


def converted(checkpoint: Path, out: Path, ranks: str, **options: Any) -> None:
    convert_checkpoint(checkpoint, "lora", ranks, out, **(USUAL | options))


@pytest.mark.parametrize("method", ["oft", "hra", "shira", "ia3", "full", "lokr", "dora", "miss"])
def test_of_full_rank_it_is_the_method_and_plain_peft_loads_it(
    method: str, trained: Callable[..., Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    checkpoint = trained(method, **({"target_modules": ["q_proj", "v_proj"]} if method not in {"full", "ia3"} else {}))
    if method == "full":
        with pytest.raises(InputError, match=r"cannot hold: model\.embed_tokens\.weight, .* --linear-only"):
            converted(checkpoint, tmp_path / "out", "1")
        converted(checkpoint, tmp_path / "out", f"1,{FULL_RANK}", linear_only=True)
        assert "left out, since a LoRA on linear layers cannot hold it: model.embed_tokens" in capsys.readouterr().out
        return
    converted(checkpoint, tmp_path / "out", f"1,{FULL_RANK}")
    base, expected = logits(load_model(TOY).model), original_logits(checkpoint)
    change = torch.linalg.vector_norm(expected - base)
    assert change > 1e-3, "it has learnt something"
    gaps = []
    for rank in (1, FULL_RANK):
        model = PeftModel.from_pretrained(load_model(TOY).model, str(tmp_path / "out" / f"rank-{rank}"))
        gaps.append((torch.linalg.vector_norm(logits(model) - expected) / change).item())
    assert gaps[1] < 1e-4
    assert gaps[1] <= gaps[0]
    assert "0.0% lost" in capsys.readouterr().out


def test_the_lost_share_is_that_of_the_weights() -> None:
    torch.manual_seed(0)
    base, tuned = nn.Sequential(nn.Linear(6, 9), nn.Linear(9, 4)), nn.Sequential(nn.Linear(6, 9), nn.Linear(9, 4))
    before = base.state_dict()
    tuned.load_state_dict({name: value + torch.randn_like(value) * (value.dim() > 1) for name, value in before.items()})
    factors, others = factors_of_change(base, tuned, "here")
    assert others == []
    assert factors.keys() == {"0", "1"}
    for rank in range(7):
        rest = whole = 0.0
        for name, one in factors.items():
            change = tuned.state_dict()[f"{name}.weight"] - before[f"{name}.weight"]
            kept = one.left[:, :rank] @ one.right[:rank]
            rest += float((change - kept).square().sum())
            whole += float(change.square().sum())
        assert lost_share(factors, rank) == pytest.approx((rest / whole) ** 0.5, abs=1e-3)


def test_a_rank_above_that_of_a_layer_loses_nothing() -> None:
    one = Factors(torch.ones(3, 2), torch.ones(2, 4), torch.tensor([2.0, 1.0]))
    assert lost_share({"x": one}, 5) == 0


def test_it_is_evaluated_as_the_original_and_compared_in_pairs(
    trained: Callable[..., Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    checkpoint = trained("oft", target_modules=["q_proj", "v_proj"])
    converted(checkpoint, tmp_path / "out", str(FULL_RANK), questions=8, as_json=True)
    said = json.loads(capsys.readouterr().out)
    (one,) = said["converted"]
    assert (said["method"], said["metric"], said["num_items"]) == ("oft", "accuracy", 8)
    assert one["value"] == said["original"]
    assert one["difference"] == 0
    assert one["interval"][0] <= 0 <= one["interval"][1]
    assert one["bytes"] == sum(
        file.stat().st_size for file in Path(one["folder"]).iterdir() if file.name != "trial.json"
    )
    done = CliRunner().invoke(app, ["evaluate", one["folder"], "--limit", "4"])
    assert done.exit_code == 0, done.output
    assert "4 questions" in done.output


@pytest.mark.parametrize(
    ("method", "words"),
    [
        ("ln-tuning", "cannot hold: model.layers.0.input_layernorm.weight"),
        ("prompt-tuning", "it cannot be merged into the base model"),
    ],
)
def test_what_lora_cannot_hold_is_one_line(
    method: str, words: str, trained: Callable[..., Path], tmp_path: Path
) -> None:
    with pytest.raises(InputError, match=words):
        converted(trained(method), tmp_path / "out", "4")
    assert not (tmp_path / "out").exists()


def test_a_lora_is_only_made_smaller(trained: Callable[..., Path], tmp_path: Path) -> None:
    lora = trained("rslora", target_modules=["q_proj", "v_proj"], r=4)
    with pytest.raises(InputError, match="is a plain LoRA of rank 4 already; --rank below 4 makes it smaller"):
        converted(lora, tmp_path / "out", "2,4")
    converted(lora, tmp_path / "out", "2")
    with pytest.raises(InputError, match="is a plain LoRA of rank 2 already"):
        converted(tmp_path / "out" / "rank-2", tmp_path / "again", "16")


def test_wrong_use_is_said_before_anything_is_loaded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("paretune.cli.convert.replayed", lambda *_: pytest.fail("too late"))
    (tmp_path / "rank-4").mkdir()
    (tmp_path / "rank-4" / "trial.json").touch()
    for target, ranks, words in (
        ("dora", "4", "--to dora"),
        ("lora", "4", "is there already"),
        ("lora", "x", '"x" is not'),
        ("lora", "0", "0 is no rank"),
    ):
        with pytest.raises(InputError, match=words):
            convert_checkpoint(tmp_path, target, ranks, tmp_path, **USUAL)


def test_layers_that_store_their_weights_transposed_are_layers_too(tmp_path: Path) -> None:
    """GPT-2's, which peft's LoRA adapts as it adapts linear ones."""
    from transformers import GPT2Config, GPT2LMHeadModel

    torch.manual_seed(0)
    config = GPT2Config(n_layer=1, n_head=2, n_embd=16, vocab_size=64, n_positions=32)
    base = GPT2LMHeadModel(config)
    tuned = GPT2LMHeadModel(config)
    tuned.load_state_dict(base.state_dict())
    with torch.no_grad():
        tuned.transformer.h[0].attn.c_attn.weight += 0.1 * torch.randn(16, 48)
    factors, _ = factors_of_change(base, tuned, "here")
    write_lora(base, factors, lora_spec(factors, 16, "x"), "CAUSAL_LM", tmp_path / "lora")
    loaded = PeftModel.from_pretrained(base, str(tmp_path / "lora"))
    assert torch.allclose(logits(loaded), logits(tuned), atol=1e-5)
