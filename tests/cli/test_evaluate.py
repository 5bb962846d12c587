"""A checkpoint is evaluated on the base model that it names, or on another one in the open."""

import json
import shutil
from pathlib import Path

import pytest

from paretune.cli.evaluate import evaluate_checkpoint
from paretune.kinds.causal_lm import CausalLm
from paretune.models import LoadedModel, load_model
from paretune.models.toy import toy_model
from paretune.spec import InputError, Trial
from paretune.tasks import Task
from paretune.tasks.word_problems import WordProblems


@pytest.fixture(scope="module")
def adapter(finished: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return an adapter of peft's kind alone, that names its base as peft does."""
    (checkpoint,) = (finished / "adapters").iterdir()
    folder = tmp_path_factory.mktemp("adapter") / "lora"
    shutil.copytree(checkpoint, folder)
    (folder / "trial.json").unlink()
    config = json.loads((folder / "adapter_config.json").read_text())
    config["base_model_name_or_path"] = "some-org/some-model"
    (folder / "adapter_config.json").write_text(json.dumps(config))
    return folder


@pytest.fixture(scope="module")
def narrow(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a base model whose layers are narrower than the toy's."""
    folder = tmp_path_factory.mktemp("narrow")
    config = toy_model().config
    config.hidden_size, config.head_dim = 32, 8
    type(toy_model())(config).save_pretrained(folder)
    load_model("toy:llama").tokenizer.save_pretrained(folder)
    return folder


def evaluated(folder: Path, model: str | None, *, as_json: bool = False, forgetting: bool = False) -> None:
    evaluate_checkpoint(folder, None, model, 2, as_json=as_json, forgetting=forgetting)


def saved(finished: Path) -> Path:
    (checkpoint,) = (finished / "adapters").iterdir()
    return checkpoint


def test_another_base_that_fits_is_loaded_once_and_said(
    finished: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    loaded: list[str] = []
    load = CausalLm.load

    def counted(kind: CausalLm, task: Task, trial: Trial) -> LoadedModel:
        loaded.append(trial.base_model)
        return load(kind, task, trial)

    monkeypatch.setattr(CausalLm, "load", counted)
    evaluated(saved(finished), "toy:tied-llama", as_json=True)
    written = capsys.readouterr()
    (warning,) = (line for line in written.err.splitlines() if line.startswith("warning:"))
    assert 'was trained on "toy:llama"; it is evaluated on "toy:tied-llama"' in warning
    value = json.loads(written.out)
    assert loaded == ["toy:tied-llama"]
    assert (value["base_model"], value["named_base_model"]) == ("toy:tied-llama", "toy:llama")


def test_so_it_is_with_an_adapter_of_peft_s(adapter: Path, capsys: pytest.CaptureFixture[str]) -> None:
    evaluated(adapter, "toy:llama")
    assert 'was trained on "some-org/some-model"' in capsys.readouterr().err


@pytest.mark.parametrize("model", [None, "toy:llama"])
def test_its_own_base_needs_no_word(finished: Path, model: str | None, capsys: pytest.CaptureFixture[str]) -> None:
    evaluated(saved(finished), model)
    assert "warning" not in capsys.readouterr().err


def test_a_base_of_another_shape_is_refused_before_any_data_is_read(
    finished: Path, adapter: Path, narrow: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def read(*_: object) -> None:
        raise AssertionError("data was read")

    monkeypatch.setattr(WordProblems, "examples", read)
    for folder, named in ((saved(finished), "toy:llama"), (adapter, "some-org/some-model")):
        with pytest.raises(InputError) as refusal:
            evaluated(folder, f"path:{narrow}")
        assert f'was trained on "{named}" and does not fit "path:{narrow}"' in str(refusal.value)
        assert "\n" not in str(refusal.value)


def test_forgetting_is_measured_where_it_is_asked_for(
    finished: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    evaluated(saved(finished), None, forgetting=True)
    assert "forgetting" in capsys.readouterr().out

    def measured(*_: object, **__: object) -> None:
        raise AssertionError("general text was read")

    monkeypatch.setattr("paretune.kinds.language.text_losses", measured)
    evaluated(saved(finished), None)
    written = capsys.readouterr()
    assert "forgetting" not in written.out
    assert "accuracy" in written.out
    assert "retain" not in written.err
