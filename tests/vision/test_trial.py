"""Image-text models of five classes run trials: trained, saved, reloaded, asked."""

from collections.abc import Callable
from pathlib import Path

import pytest

from paretune.execute.trial import run_trial
from paretune.methods import resolve
from paretune.spec import MethodEntry, Recipe, Trial
from paretune.tasks import get_any_task
from tests.methods.real_path import Silent
from tests.vision.toys import TOYS

SIZES = {"train_size": 8, "validation_size": 4, "test_size": 4}


@pytest.mark.parametrize("name", TOYS)
@pytest.mark.parametrize("method", ["lora", "prefix-tuning"])
def test_a_trial_runs_from_the_first_byte_to_the_record(
    toy: Callable[[str], str], name: str, method: str, tmp_path: Path
) -> None:
    trial = Trial(
        base_model=toy(name),
        task=get_any_task("visual_questions", SIZES).spec(),
        method=resolve(MethodEntry(name=method)),
        learning_rate=1e-2,
        seed=0,
        recipe=Recipe(steps=4, batch_size=4, schedule="constant"),
        measures=("answers", "forgetting"),
    )
    finished = run_trial(trial, tmp_path, attempt=1, concurrent_workers=1, listener=Silent())
    record = finished.record
    assert record.outcome.kind == "ok", record.outcome
    assert record.notes == ()
    assert len(finished.items or ()) == SIZES["test_size"]
    assert record.metrics["forgetting"] != 0
    assert record.generator == "transformers"
