"""The study of Qwen2.5-VL goes from training to record on a model of the same class and of toy size."""

from collections.abc import Callable
from pathlib import Path

import pytest

from paretune.execute.check import check_trials
from paretune.execute.plan import plan
from paretune.execute.trial import run_trial
from paretune.spec import Study, Trial
from tests.methods.real_path import Silent

STUDY = Path(__file__).parents[2] / "studies" / "visual-questions-qwen2.5-vl-3b.toml"
SMALL = {"train_size": 8, "validation_size": 4, "test_size": 4}


@pytest.fixture(scope="module")
def trials(toy: Callable[[str], str]) -> dict[str, Trial]:
    """The study's trials of the first seed, with another model, fewer steps and fewer questions; by their labels."""
    study = Study.from_toml(STUDY)
    task = study.tasks[0]
    small = study.model_copy(
        update={
            "base_model": toy("qwen"),
            "tasks": (task.model_copy(update={"options": {**task.options, **SMALL}}),),
            "seeds": (0,),
            "tuning": None,
            "recipe": study.recipe.model_copy(update={"steps": 2, "batch_size": 2}),
        }
    )
    found = plan(small)
    check_trials(found)
    return {trial.method.label: trial for trial in found}


def test_every_part_is_compared(trials: dict[str, Trial]) -> None:
    parts = {label.partition(" (")[2].rstrip(")") for label in trials}
    assert parts == {"", "language", "vision", "language+vision", "projector"}


@pytest.mark.parametrize("label", ["base", "lora (language+vision)", "oft (vision)", "full (projector)"])
def test_a_trial_of_it_ends_with_a_record(label: str, trials: dict[str, Trial], tmp_path: Path) -> None:
    trial = trials[label]
    finished = run_trial(trial, tmp_path, attempt=1, concurrent_workers=1, listener=Silent())
    assert finished.record.outcome.kind == "ok", finished.record.outcome
    assert len(finished.items or ()) == SMALL["test_size"]
    assert {"accuracy", "accuracy_lenient"} <= finished.record.metrics.keys()
