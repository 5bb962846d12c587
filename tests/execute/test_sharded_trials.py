"""A trial whose training is sharded over two processes leaves what a trial on one process does."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from paretune.cli.app import app
from paretune.execute.check import check_trials
from paretune.execute.plan import plan
from paretune.execute.run import run
from paretune.execute.sharded import check_remote
from paretune.models.devices import check_shards
from paretune.spec import InputError, Recipe, Study
from paretune.spec.study_file import study_toml
from tests.engine.test_sharding import ROOT
from tests.kinds.test_classifier import trials
from tests.methods.real_path import small_study


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(ROOT / "src"))
    monkeypatch.setenv("OMP_NUM_THREADS", "1")


def large_study_at_toy_size() -> Study:
    """Return the study of the model that fits no single GPU, of one method, with a toy and on two processes."""
    study = Study.from_toml(ROOT / "studies" / "llama3.1-70b.toml")
    lora = next(entry for entry in study.methods if entry.name == "lora")
    alone = lora.model_copy(update={"label": "alone", "recipe": {"sharding": None}})
    sizes = {"epochs": None, "steps": 3, "batch_size": 4, "dtype": "float32", "memory_steps": 1}
    (task,) = study.tasks
    return study.model_copy(
        update={
            "base_model": "toy:llama",
            "tasks": (task.model_copy(update={"options": {"train_size": 24, "validation_size": 8, "test_size": 8}}),),
            "methods": (alone, lora),
            "seeds": (0,),
            "tuning": None,
            "recipe": study.recipe.with_changes({**sizes, "sharding": {"devices": 2}}, "recipe"),
        }
    )


@pytest.mark.usefixtures("kept_fork_servers")
def test_a_sharded_trial_finds_what_one_process_does(tmp_path: Path) -> None:
    alone, record = run(large_study_at_toy_size(), tmp_path / "results", threads=1)
    assert record.outcome.kind == "ok", record.outcome
    assert record.train_losses == pytest.approx(alone.train_losses, rel=1e-5)
    for name in ("validation_loss", "trainable_parameters", "checkpoint_bytes", "accuracy", "forgetting"):
        assert record.metrics[name] == pytest.approx(alone.metrics[name], rel=1e-5, abs=1e-6), name
    assert record.trainable_dtypes == alone.trainable_dtypes
    assert record.metrics["train_seconds"] == pytest.approx(sum(record.step_seconds))
    assert len(record.step_seconds) == len(record.train_losses)
    assert 0 < record.metrics["train_peak_bytes"] < alone.metrics["train_peak_bytes"]
    assert {reading.phase for reading in record.phases} <= {reading.phase for reading in alone.phases}
    assert record.trial_id != alone.trial_id
    assert [one.provenance and one.provenance.num_devices for one in (alone, record)] == [1, 2]


def test_a_trial_without_sharding_keeps_its_id(tmp_path: Path) -> None:
    (trial,) = plan(small_study(tmp_path, "lora"))
    assert '"sharding":' not in trial.canonical_json()
    assert trial.recipe.with_changes({"sharding": None}, "recipe") == trial.recipe


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"batch_size": 3}, "batch_size = 3 cannot be shared by 2 devices of sharding; make it a multiple of them"),
        ({"quantisation": "int8"}, 'sharding and quantisation = "int8" cannot be combined: write "nf4" or "fp4"'),
        ({"compile": True}, "sharding and compile cannot be combined"),
        ({"compile": "blocks"}, "sharding and compile cannot be combined"),
        ({"loss_chunks": 2}, "sharding and loss_chunks cannot be combined"),
        ({"sharding": {"devices": 0}}, "sharding.devices"),
        ({"sharding": {"devices": 1}}, "sharding.devices"),
        ({"sharding": {"device": 2}}, "did you mean"),
    ],
)
def test_what_cannot_be_sharded_is_refused_with_its_key(changes: dict[str, Any], problem: str) -> None:
    with pytest.raises(InputError, match=re.escape(problem)):
        Recipe.read({"batch_size": 4, "sharding": {"devices": 2}, **changes}, "study.toml")


@pytest.mark.parametrize(
    ("devices", "jobs", "packs", "problem"),
    [
        (("0", "1"), 1, False, "this machine has 2 accelerators"),
        (("mps",), 1, False, "CUDA devices or none"),
        ((), 2, False, "leave --jobs out"),
        ((), 1, True, "leave --pack out"),
    ],
)
def test_devices_that_are_not_there_are_refused(
    devices: tuple[str, ...], jobs: int, packs: bool, problem: str
) -> None:  # fmt: skip
    check_shards(4, ("0", "1", "2", "3"), jobs=1, packs=False)
    check_shards(4, (), jobs=1, packs=False)
    with pytest.raises(InputError, match=problem):
        check_shards(4, devices, jobs=jobs, packs=packs)


def test_no_executor_of_a_cluster_takes_a_sharded_trial(tmp_path: Path) -> None:
    check_remote(plan(small_study(tmp_path, "lora")))
    check_remote(plan(small_study(tmp_path, "base", sharding={"devices": 2})))
    with pytest.raises(InputError, match="not on a cluster"):
        check_remote(plan(small_study(tmp_path, "lora", sharding={"devices": 2})))


def test_the_plan_of_a_study_refuses_devices_that_are_not_there(tmp_path: Path, gpus: Callable[..., None]) -> None:
    study = tmp_path / "study.toml"
    study.write_text(study_toml(small_study(tmp_path, "lora", sharding={"devices": 2})))
    gpus(1)
    found = CliRunner().invoke(app, ["run", str(study), "--out", str(tmp_path / "out"), "--plan"])
    assert str(found.exception).startswith(f"{study}: recipe: sharding.devices = 2: this machine has 1 accelerator;")


def test_other_kinds_of_model_are_not_sharded() -> None:
    recipe = {"steps": 2, "batch_size": 4, "sharding": {"devices": 2}}
    with pytest.raises(InputError, match='recipe: sharding: task "sentiment" cannot be sharded'):
        check_trials(trials("toy:bert", "lora", tasks=["sentiment"], recipe=recipe))


def test_a_method_that_cannot_be_sharded_is_refused_while_planning(tmp_path: Path) -> None:
    study = small_study(tmp_path, "adalora", sharding={"devices": 2})
    with pytest.raises(InputError, match='method "adalora": not on a sharded model: its loss term') as refused:
        check_trials(plan(study))
    assert "\n" not in str(refused.value)
