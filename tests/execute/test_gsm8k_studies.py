"""The studies of the maths benchmark that ship: their settings, and that only paths need to be replaced to run them."""

import json
from pathlib import Path
from typing import Any

import pytest

from paretune.execute.check import check_trials
from paretune.execute.plan import plan
from paretune.interop.importers import study_from_experiments
from paretune.methods import build, resolve
from paretune.methods.peft import Peft, config_class
from paretune.spec import MethodEntry, Recipe, Study, TaskEntry
from tests.outside import PUBLISHED, needs_published

STUDIES = Path(__file__).parents[2] / "studies"
PEFT = STUDIES / "gsm8k-llama3.2-3b-peft.toml"


def built(entry: MethodEntry) -> dict[str, Any]:
    """Return what an entry builds, as peft's complete configuration, with the class that builds it."""
    method = build(resolve(entry))
    if not isinstance(method, Peft):
        return {"class": type(method)}
    config = method.config(Recipe())
    own = {name: value for name, value in method.spec.parameters.items() if name in method.own_parameters}
    values = {name: _plain(value) for name, value in config.to_dict().items()}
    if values.get("target_modules") is None:
        values["target_modules"] = ["q_proj", "v_proj"]  # peft's choice for Llama wherever the two are compared
    assert isinstance(config, config_class(method.spec))
    return {"class": type(method), **values, **own}


def _plain(value: Any) -> Any:
    return (
        sorted(value) if isinstance(value, set | list | tuple) and all(isinstance(one, str) for one in value) else value
    )


@pytest.fixture(scope="module")
def theirs() -> Study:
    return study_from_experiments(PUBLISHED / "MetaMathQA")


@needs_published
class TestPeftStudy:
    def test_settings_are_theirs(self, theirs: Study) -> None:
        study = Study.from_toml(PEFT)
        drawn = theirs.recipe.model_copy(update={"temperature": 0.6, "top_p": 0.9})
        assert study.recipe == drawn
        assert study.base_model == theirs.base_model
        assert study.general_text == theirs.general_text
        assert study.tasks[0].options.items() >= theirs.tasks[0].options.items()
        assert study.seeds == theirs.seeds

    def test_every_experiment_is_there_and_builds_the_same(self, theirs: Study) -> None:
        study = Study.from_toml(PEFT)
        assert [entry.label for entry in study.methods] == [entry.label for entry in theirs.methods]
        for ours, other in zip(study.methods, theirs.methods, strict=True):
            assert (ours.name, ours.learning_rate, ours.recipe) == (other.name, other.learning_rate, other.recipe)
            assert built(ours) == built(other), ours.label


@pytest.mark.parametrize("name", ["gsm8k-llama3.2-3b.toml", "gsm8k-llama3.2-3b-peft.toml"])
def test_with_other_paths_a_study_plans_and_its_methods_fit(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A toy of width 64 is too narrow for sixteen of them: that they can be attached is tested with the experiments.
    monkeypatch.setattr("paretune.execute.check.rehearse", lambda *_: None)
    rows = [{"question": f"Ann has {n} eggs. How many?", "answer": f"#### {n}"} for n in range(600)]
    (tmp_path / "train.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (tmp_path / "test.jsonl").write_text(json.dumps(rows[0] | {"question": "And how many has Ben?"}) + "\n")
    (tmp_path / "texts.txt").write_text("A line of general text.\n" * 100)
    study = Study.from_toml(STUDIES / name)
    files = {split: str(tmp_path / "train.jsonl") for split in ("train", "validation")}
    options = {**study.tasks[0].options, **files, "test": str(tmp_path / "test.jsonl")}
    assert study.general_text is not None
    changes = {
        "base_model": "toy:llama",
        "tasks": (TaskEntry(name="gsm8k", options=options),),
        "general_text": study.general_text.model_copy(update={"source": str(tmp_path / "texts.txt")}),
    }
    trials = plan(study.model_copy(update=changes))
    assert len({trial.method.label for trial in trials}) == len(study.methods)
    check_trials(trials)
