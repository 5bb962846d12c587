"""Adapters for servers: each form is written and reads back, each refusal is one line with the way out."""

import json
from pathlib import Path
from typing import Any

import gguf
import pytest
import torch
from peft import PeftModel, PromptTuningConfig, get_peft_model
from peft import __dict__ as peft_names
from transformers import AutoModelForCausalLM
from typer.testing import CliRunner, Result

from paretune.cli.app import app
from paretune.models import load_model
from paretune.spec import InputError
from tests.cli.conftest import Paretune

TOY = "toy:llama"


def exported(*words: str | Path) -> Result:
    return CliRunner().invoke(app, ["export", "adapter", *map(str, words)])


def refusal(*words: str | Path) -> str:
    """Return the one line in which an export is refused."""
    error = exported(*words).exception
    assert isinstance(error, InputError), error
    assert len(str(error).splitlines()) == 1
    return str(error)


def saved(folder: Path, config_class: str = "LoraConfig", **settings: Any) -> Path:
    config = peft_names[config_class](target_modules=["q_proj", "v_proj"], task_type="CAUSAL_LM", **settings)
    model = get_peft_model(load_model(TOY).model, config)
    torch.manual_seed(0)
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.requires_grad:
                parameter.normal_(std=0.1)
    model.save_pretrained(str(folder))
    return folder


def logits(model: Any) -> torch.Tensor:
    ids = torch.arange(3, 35)[None]
    with torch.no_grad():
        found: torch.Tensor = model.eval()(input_ids=ids, attention_mask=torch.ones_like(ids)).logits
    return found


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("config_class", ["LoraConfig", "OFTConfig"])
def test_transformers_alone_loads_base_and_adapter_from_one_folder(config_class: str, tmp_path: Path) -> None:
    source = saved(tmp_path / "adapter", config_class)
    done = exported(source, "--for", "transformers", "-o", tmp_path / "out", "--model", TOY)
    assert done.exit_code == 0, done.output
    assert "transformers serve" in done.output
    assert {"config.json", "model.safetensors", "tokenizer.json", "adapter_config.json"} <= {
        file.name for file in (tmp_path / "out").iterdir()
    }
    loaded = AutoModelForCausalLM.from_pretrained(str(tmp_path / "out"), local_files_only=True)
    original = PeftModel.from_pretrained(load_model(TOY).model, str(source))
    assert torch.allclose(logits(loaded), logits(original), atol=1e-5)
    assert not torch.allclose(logits(loaded), logits(load_model(TOY).model), atol=1e-2)


def test_transformers_takes_no_virtual_tokens(tmp_path: Path) -> None:
    config = PromptTuningConfig(task_type="CAUSAL_LM", num_virtual_tokens=2)
    get_peft_model(load_model(TOY).model, config).save_pretrained(str(tmp_path / "prompt"))
    said = refusal(tmp_path / "prompt", "--for", "transformers", "-o", tmp_path / "out", "--model", TOY)
    assert "transformers loads what changes layers only" in said
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("server", ["peft", "vllm"])
def test_a_folder_of_peft_s_holds_nothing_else(server: str, tmp_path: Path) -> None:
    source = saved(tmp_path / "lora", r=20)
    (source / "trial.txt").write_text("of ours")
    done = exported(source, "--for", server, "-o", tmp_path / "out", "--model", TOY)
    assert done.exit_code == 0, done.output
    assert ("--max-lora-rank 32" in done.output) == (server == "vllm")
    assert {file.name for file in (tmp_path / "out").iterdir()} == {
        "adapter_config.json",
        "adapter_model.safetensors",
    }
    loaded, original = (
        PeftModel.from_pretrained(load_model(TOY).model, str(folder)) for folder in (tmp_path / "out", source)
    )
    assert torch.equal(logits(loaded), logits(original))
    assert not torch.equal(logits(loaded), logits(load_model(TOY).model))


def test_the_base_model_is_named_where_it_has_a_name(tmp_path: Path) -> None:
    source = saved(tmp_path / "lora")
    done = exported(source, "--for", "vllm", "-o", tmp_path / "out", "--model", "hub:owner/name@main")
    assert done.exit_code == 0, done.output
    assert "vllm serve owner/name --enable-lora --max-lora-rank 8" in done.output
    config = json.loads((tmp_path / "out" / "adapter_config.json").read_text())
    assert config["base_model_name_or_path"] == "owner/name"


def test_llama_cpp_gets_one_file(tmp_path: Path) -> None:
    done = exported(saved(tmp_path / "lora", r=4), "--for", "llama.cpp", "-o", tmp_path / "out", "--model", TOY)
    assert done.exit_code == 0, done.output
    assert f"llama-server -m BASE.gguf --lora {tmp_path / 'out' / 'adapter.gguf'}" in done.output
    reader = gguf.GGUFReader(tmp_path / "out" / "adapter.gguf")
    assert {tensor.name.partition(".lora_")[0] for tensor in reader.tensors} == {
        f"blk.{layer}.attn_{kind}.weight" for layer in (0, 1) for kind in "qv"
    }


def test_ollama_gets_the_same_file_and_what_names_it(tmp_path: Path) -> None:
    source = saved(tmp_path / "lora", r=4, use_rslora=True)
    for server in ("llama.cpp", "ollama"):
        done = exported(source, "--for", server, "-o", tmp_path / server, "--model", TOY)
        assert done.exit_code == 0, done.output
    assert f"ollama create ollama -f {tmp_path / 'ollama' / 'Modelfile'}" in done.output
    files = [(tmp_path / server / "adapter.gguf").read_bytes() for server in ("llama.cpp", "ollama")]
    assert files[0] == files[1]
    lines = (tmp_path / "ollama" / "Modelfile").read_text().splitlines()
    assert lines == [f"# BASE.gguf is {TOY} as GGUF", "FROM BASE.gguf", "ADAPTER ./adapter.gguf"]


@pytest.mark.parametrize("server", ["vllm", "llama.cpp", "ollama"])
def test_what_is_no_lora_is_refused_with_the_way_out(server: str, tmp_path: Path) -> None:
    source = saved(tmp_path / "oft", "OFTConfig", oft_block_size=32)
    line = refusal(source, "--for", server, "-o", tmp_path / "out", "--model", TOY)
    assert "LoRA adapters only, not OFT" in line
    assert f"paretune convert {source} --to lora" in line
    assert not (tmp_path / "out").exists()
    assert exported(source, "--for", "peft", "-o", tmp_path / "out", "--model", TOY).exit_code == 0


@pytest.mark.parametrize(
    ("config", "words", "line"),
    [
        (
            None,
            ["--for", "vlm"],
            '--for: "vlm" is not known (did you mean "vllm"?); there are: peft, vllm, transformers, llama.cpp',
        ),
        (None, ["--for", "llama.cpp"], "not a checkpoint (adapter_config.json is missing)"),
        ("[]", ["--for", "peft"], "not a peft configuration"),
        ("{", ["--for", "vllm"], "cannot be read as JSON"),
        ('{"peft_type": "LORA", "r": "8"}', ["--for", "vllm"], "r is no number"),
    ],
)
def test_bad_input_is_one_line(config: str | None, words: list[str], line: str, tmp_path: Path) -> None:
    folder = tmp_path / "adapter"
    folder.mkdir()
    (folder / "adapter_model.safetensors").write_bytes(b"")
    if config is not None:
        (folder / "adapter_config.json").write_text(config)
    assert line in refusal(folder, *words, "-o", tmp_path / "out", "--model", TOY)
    assert not (tmp_path / "out").exists()


def test_a_whole_model_and_a_folder_with_something_in_it_are_refused(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{}")
    line = refusal(tmp_path, "--for", "vllm", "-o", tmp_path / "out", "--model", TOY)
    assert "a whole model, which servers load as it is" in line
    line = refusal(tmp_path, "--for", "vllm", "-o", tmp_path, "--model", TOY)
    assert "is there already; choose another folder with --out" in line


def test_a_broken_file_is_one_line(tmp_path: Path, paretune: Paretune) -> None:
    source = saved(tmp_path / "lora")
    (source / "adapter_model.safetensors").write_bytes(b"broken")
    for server in ("vllm", "llama.cpp"):
        done = paretune("export", "adapter", source, "--for", server, "-o", tmp_path / "out", "--model", TOY)
        assert (done.returncode, len(done.stderr.splitlines())) == (2, 1), done.stderr
        assert str(source) in done.stderr
