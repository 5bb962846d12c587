import json
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from paretune.cli.studies import chosen_study
from paretune.cli.study_files import folder_for, keep_study_file
from paretune.execute.plan import plan
from paretune.execute.prepare import prepare
from paretune.execute.run import run
from paretune.spec import InputError, Recipe, Study
from paretune.store import Store
from tests.execute.stand_in import StandIn

NOTHING: dict[str, Any] = dict.fromkeys(
    (
        "model", "task", "methods", "data", "prompt", "completion", "text", "label", "group", "no_chat_template",
        "steps", "epochs", "batch_size", "max_length", "learning_rate", "seeds", "experiments", "task_option",
        "general_text",
    )
)  # fmt: skip


def described(**options: Any) -> Study:
    return chosen_study(None, NOTHING | {"model": "toy:llama", "methods": "base,lora,oft"} | options)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    path = tmp_path / "sums.jsonl"
    path.write_text("".join(json.dumps({"prompt": f"{n} + 1 =", "completion": n + 1}) + "\n" for n in range(300)))
    return path


def test_own_data_is_trained_on_for_three_epochs_within_bounds(data: Path) -> None:
    assert described(data=str(data)).recipe == Recipe(epochs=3, min_steps=20, max_steps=500)
    assert described(data=str(data), epochs=10.0).recipe == Recipe(epochs=10)
    assert described(data=str(data), steps=5, batch_size=2, max_length=64).recipe == Recipe(
        steps=5, batch_size=2, max_length=64
    )
    assert described().recipe == Recipe()


def test_trials_of_epochs_are_those_of_the_same_number_of_steps(data: Path) -> None:
    by_epochs = plan(described(data=str(data)))
    steps = by_epochs[1].recipe.steps
    num_train = steps * 8 / 3
    assert 300 * 0.6 < num_train < 300 * 0.8
    assert [trial.id for trial in by_epochs] == [trial.id for trial in plan(described(data=str(data), steps=steps))]


def test_skills_are_names_with_commas_between_them() -> None:
    assert not described().skills
    study = described(skills="gsm8k, sentiment")
    assert [(entry.name, entry.num_questions) for entry in study.skills] == [("gsm8k", 100), ("sentiment", 100)]


def test_learning_rates_are_of_all_methods_or_of_one() -> None:
    assert described(learning_rate=["1e-4"]).learning_rates == (1e-4,)
    study = described(learning_rate=["lora=1e-3", "5e-5"])
    assert (study.learning_rates, [entry.learning_rate for entry in study.methods]) == ((5e-5,), [None, 1e-3, None])
    assert [trial.learning_rate for trial in plan(study)] == [None, 1e-3, 5e-5]


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"learning_rate": ["lorra=1e-4"]}, 'no method "lorra" .did you mean "lora"'),
        ({"learning_rate": ["lora=fast"]}, "--learning-rate lora=fast: write 1e-4 for all methods, or METHOD=1e-4"),
        ({"learning_rate": ["lora=1", "lora=2"]}, "lora is given twice"),
        ({"learning_rate": ["base=1"]}, "the untouched base model is not trained"),
        ({"learning_rate": ["-1"]}, "learning_rates"),
        ({"epochs": 1.0, "steps": 3}, "--steps and --epochs exclude each other"),
        ({"epochs": 0.0}, "epochs"),
        ({"seeds": "0,x"}, '--seeds: "x" is not a whole number'),
    ],
)
def test_what_cannot_be_is_refused_in_one_line(options: dict[str, Any], reason: str) -> None:
    with pytest.raises(InputError, match=reason) as error:
        described(**options)
    assert len(error.value.problems) == 1


def test_the_written_study_finds_the_finished_trials(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("paretune.execute.run.LocalExecutor", StandIn())
    study, folder, console = described(data=str(data), methods="base,lora"), tmp_path / "out", Console(file=StringIO())
    keep_study_file(study, folder, console)
    run(study, folder)
    again = Study.from_toml(folder / "study.toml")
    assert again == study
    assert folder_for(folder / "study.toml", again) == folder
    prepared = prepare(again, Store(folder))
    assert {trial.id for trial in prepared.stages.trials} == set(prepared.results)


def test_an_edited_study_file_is_left_as_it_is(tmp_path: Path) -> None:
    console = Console(file=StringIO())
    keep_study_file(described(), tmp_path, console)
    path = tmp_path / "study.toml"
    edited = path.read_text().replace("seeds = [0]", "seeds = [0, 1]")
    path.write_text(edited)
    keep_study_file(described(), tmp_path, console)
    assert path.read_text() == edited
    assert "describes another study" in console.file.getvalue()  # type: ignore[attr-defined]


def test_a_study_file_of_one_s_own_has_its_results_in_the_usual_place(tmp_path: Path) -> None:
    path = tmp_path / "study.toml"
    path.write_text('name = "mine"\nmethods = ["lora"]\n')
    assert folder_for(path, Study.from_toml(path)) == Path("results/mine")
