import json
import warnings
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from paretune.kinds import module_names
from paretune.models import LoadedModel, load_model, prefetch
from paretune.spec import InputError

TEXT = "Question: Tom has 3 apples.\nAnswer:  12 (a + b)"


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    """Return a folder with the toy, saved the way any model is saved."""
    model, tokenizer, *_ = load_model("toy:llama")
    model.save_pretrained(tmp_path / "model")
    tokenizer.save_pretrained(tmp_path / "model")
    return tmp_path / "model"


def _logits(loaded: LoadedModel) -> torch.Tensor:
    with torch.no_grad():
        logits: torch.Tensor = loaded.model(**loaded.tokenizer(TEXT, return_tensors="pt")).logits
    return logits


def test_the_toy_is_the_same_every_time_and_leaves_the_generator_alone() -> None:
    torch.manual_seed(1)
    state = torch.get_rng_state()
    first = load_model("toy:llama")
    assert torch.equal(torch.get_rng_state(), state)
    torch.manual_seed(2)
    second = load_model("toy:llama")
    for name, parameter in first.model.state_dict().items():
        assert torch.equal(parameter, second.model.state_dict()[name]), name
    assert torch.equal(_logits(first), _logits(second))
    assert first.note is not None


def test_the_toy_reads_and_writes_every_character() -> None:
    tokenizer = load_model("toy:llama").tokenizer
    numbers = tokenizer(TEXT)["input_ids"]
    assert len(numbers) == len(TEXT)
    assert tokenizer.decode(numbers) == TEXT
    assert tokenizer("\u00e9")["input_ids"] == [tokenizer.unk_token_id]
    assert len({tokenizer.pad_token_id, tokenizer.eos_token_id, tokenizer.bos_token_id, tokenizer.unk_token_id}) == 4


def test_how_a_model_is_handed_over() -> None:
    model, tokenizer, *_ = load_model("toy:llama")
    assert not model.training
    assert all(parameter.requires_grad for parameter in model.parameters())
    padded = tokenizer(["ab", "a"], padding=True)["input_ids"]
    assert padded[1] == [tokenizer.pad_token_id, padded[0][0]]


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_the_dtype_is_that_of_every_weight(saved: Path, dtype: str) -> None:
    for reference in ("toy:llama", f"path:{saved}"):
        model = load_model(reference, dtype).model
        assert {parameter.dtype for parameter in model.parameters()} == {getattr(torch, dtype)}
    with pytest.raises(InputError, match='did you mean "float32"'):
        load_model("toy:llama", "float23")


def test_a_saved_model_gives_the_same_answers(saved: Path) -> None:
    prefetch(f"path:{saved}")
    loaded = load_model(f"path:{saved}")
    assert loaded.note is None
    assert not loaded.model.training
    assert loaded.tokenizer.padding_side == "left"
    assert loaded.tokenizer.decode(loaded.tokenizer(TEXT)["input_ids"]) == TEXT
    assert torch.equal(_logits(loaded), _logits(load_model("toy:llama")))


def test_module_names_come_from_the_config_alone(saved: Path) -> None:
    names = module_names("toy:llama")
    assert "model.layers.1.self_attn.q_proj" in names
    assert "" not in names
    (saved / "model.safetensors").write_bytes(b"not weights")
    assert module_names(f"path:{saved}") == names


def test_sampling_settings_of_a_model_are_dropped(saved: Path) -> None:
    settings = {"do_sample": True, "temperature": 0.6, "top_p": 0.9, "repetition_penalty": 1.3, "eos_token_id": [1, 2]}
    (saved / "generation_config.json").write_text(json.dumps(settings))
    (saved / "tokenizer_config.json").write_text(
        json.dumps(json.loads((saved / "tokenizer_config.json").read_text()) | {"pad_token": None})
    )
    loaded = load_model(f"path:{saved}")
    config = loaded.model.generation_config
    assert (config.temperature, config.top_p, config.repetition_penalty) == (None, None, None)
    assert not config.do_sample
    assert config.eos_token_id == [1, 2]
    assert config.pad_token_id == loaded.tokenizer.pad_token_id == loaded.tokenizer.eos_token_id
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        loaded.model.generate(**loaded.tokenizer(TEXT, return_tensors="pt"), max_new_tokens=2, do_sample=False)


def test_files_that_do_not_belong_together(saved: Path) -> None:
    weights = saved / "model.safetensors"
    tensors = load_file(weights)
    norm = "model.norm.weight"
    save_file({name: tensor for name, tensor in tensors.items() if name != norm}, weights, {"format": "pt"})
    with pytest.raises(InputError, match=f"1 weights .* such as {norm}"):
        load_model(f"path:{saved}")
    save_file(tensors | {norm: torch.ones(3)}, weights, {"format": "pt"})
    with pytest.raises(InputError, match=norm):
        load_model(f"path:{saved}")


@pytest.mark.parametrize(
    ("file", "content"),
    [
        ("model.safetensors", "cut off"),
        ("config.json", "{"),
        ("config.json", '{"model_type": "no-such-thing"}'),
        ("config.json", '{"model_type": "vit"}'),
        ("tokenizer.json", "{"),
    ],
)
def test_damaged_files_are_named_on_one_line(saved: Path, file: str, content: str) -> None:
    (saved / file).write_text(content)
    with pytest.raises(InputError, match="cannot be read as a causal language model") as refusal:
        load_model(f"path:{saved}")
    assert str(saved) in str(refusal.value)
    assert "\n" not in str(refusal.value)
