import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from paretune.cli.plan_settings import SMALL_MODEL_NOTE, default_rate_notes
from paretune.cli.planning import show_plan
from paretune.execute.duration import AtOnce
from paretune.execute.prepare import prepare
from paretune.execute.run import run
from paretune.spec import Study
from paretune.store import Store
from tests.cli.conftest import TOY, Paretune
from tests.execute.stand_in import StandIn

TUNED = TOY.replace("seeds = [0]", "seeds = [0, 1, 2]") + "[tuning]\nrates = 3\nmax_widenings = 2\n"


@pytest.fixture
def tuned_file(tmp_path: Path) -> Path:
    path = tmp_path / "tuned.toml"
    path.write_text(TUNED)
    return path


@pytest.fixture
def plan_of(paretune: Paretune, tuned_file: Path, tmp_path: Path) -> Callable[..., dict[str, Any]]:
    """Return a function that asks the command line for the plan of the tuned study."""

    def ask(*options: str) -> dict[str, Any]:
        done = paretune("run", tuned_file, "--out", tmp_path / "out", "--plan", "--json", *options)
        assert done.returncode == 0, done.stderr
        value: dict[str, Any] = json.loads(done.stdout)
        return value

    return ask


def test_the_plan_is_shown_and_nothing_runs(paretune: Paretune, tuned_file: Path, tmp_path: Path) -> None:
    done = paretune("run", tuned_file, "--out", tmp_path / "out", "--plan", "--jobs", "2", "--share-devices")
    assert done.returncode == 0, done.stderr
    assert [line.split("  ")[0] for line in done.stdout.splitlines()[1:5]] == [
        "Stage",
        "without training",
        "tuning, round 1",
        "final",
    ]
    for words in (
        "7 trials, 0 finished",
        "(final trials one at a time)",
        "at most 4 more tuning trials",
        "not known yet",
    ):
        assert words in done.stdout
    assert not (tmp_path / "out").exists()


def test_the_plan_goes_on_with_the_records(
    plan_of: Callable[..., dict[str, Any]], tuned_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = plan_of()
    assert [(stage["name"], stage["num_trials"], stage["decided"]) for stage in before["stages"]] == [
        ("without training", 1, True),
        ("tuning, round 1", 3, True),
        ("final", 3, False),
    ]
    assert [trial["learning_rate"] for trial in before["stages"][1]["trials"]] == [0.00112, 0.002, 0.00356]
    monkeypatch.setattr("paretune.execute.run.LocalExecutor", StandIn(stop_after=5))
    with pytest.raises(KeyboardInterrupt):
        run(Study.from_toml(tuned_file), tmp_path / "out")
    during = plan_of()
    assert [(stage["num_trials"], stage["num_finished"]) for stage in during["stages"]] == [
        (1, 1),
        (3, 3),
        (1, 1),
        (1, 0),
        (3, 0),
    ]
    assert during["most_tuning_trials_of_wider_rates"] == 0
    monkeypatch.setattr("paretune.execute.run.LocalExecutor", StandIn())
    run(Study.from_toml(tuned_file), tmp_path / "out")
    after = plan_of()
    assert (after["num_trials"], after["num_waiting"], after["seconds_left"]) == (9, 0, 0.0)
    assert [trial["outcome"] for trial in after["stages"][-1]["trials"]] == ["ok"] * 3
    assert {trial["split"] for trial in after["stages"][-1]["trials"]} == {"test"}


def test_the_plan_says_what_is_trained_on_what_and_how(paretune: Paretune, tuned_file: Path, tmp_path: Path) -> None:
    done = paretune("run", tuned_file, "--out", tmp_path / "out", "--plan")
    lines = done.stdout.splitlines()
    study = Study.from_toml(tuned_file)
    options = study.tasks[0].options
    sizes = [options[f"{split}_size"] for split in ("train", "validation", "test")]
    assert (
        f"Data of word_problems: {sizes[0]} examples for training, {sizes[1]} for validation, {sizes[2]} for the test."
        in lines
    )
    recipe = study.recipe
    (line,) = [line for line in lines if line.startswith("Each trial: ")]
    assert f"({recipe.steps} steps of {recipe.batch_size})" in line
    assert line.endswith("seeds 0, 1, 2.")
    assert "Learning rates of the first round: lora 0.00112/0.002/0.00356." in lines
    assert "it is estimated as soon as the first trials have ended" in done.stdout


def test_a_large_model_at_default_rates_comes_with_a_warning() -> None:
    def notes(base_model: str, *methods: Any) -> list[str]:
        study = {"name": "x", "base_model": base_model, "methods": ["base", *methods]}
        return default_rate_notes(Study.read(study, "x"))

    assert notes("hub:meta-llama/Llama-3.2-3B@main", "lora") == [SMALL_MODEL_NOTE]
    assert not notes("hub:meta-llama/Llama-3.2-3B@main", {"name": "lora", "learning_rate": 1e-4})
    assert not notes("hub:meta-llama/Llama-3.2-3B@main")
    assert not notes("toy:llama", "lora")


def test_a_fixed_study_has_a_plan_too(paretune: Paretune, study_file: Path, tmp_path: Path) -> None:
    done = paretune("run", study_file, "--out", tmp_path / "out", "--plan")
    assert done.returncode == 0
    assert "2 trials, 0 finished, 2 to run" in done.stdout


def test_a_plan_says_what_this_machine_computes_slowly(
    study_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    monkeypatch.setattr("torch.backends.cpu.get_cpu_capability", lambda: "AVX2")
    study = Study.from_toml(study_file)
    for dtype in ("float32", "bfloat16"):
        asked = study.model_copy(update={"recipe": study.recipe.model_copy(update={"dtype": dtype})})
        show_plan(
            prepare(asked, Store(tmp_path / "out")), tmp_path / "out", at_once=AtOnce(), retry=False, as_json=False
        )
        assert ("no instructions for bfloat16" in capsys.readouterr().out) == (dtype == "bfloat16")


def test_json_without_plan_is_wrong_use(paretune: Paretune, study_file: Path) -> None:
    done = paretune("run", study_file, "--json")
    assert done.returncode == 2
    assert "--plan" in done.stderr
