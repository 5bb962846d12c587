"""Image-text models of five classes run trials: trained, saved, reloaded, asked."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from paretune.execute.check import check_trials
from paretune.execute.trial import run_trial
from paretune.kinds import kind_named, kind_on
from paretune.methods import resolve
from paretune.spec import IMAGE_TEXT, InputError, MethodEntry, Recipe, Trial
from paretune.tasks import SkillQuestions, get_any_task
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


def test_skills_are_asked_with_pictures_and_without(toy: Callable[[str], str], tmp_path: Path) -> None:
    answer = {"role": "assistant", "content": "a"}
    rows = [{"messages": [{"role": "user", "content": f"Which of {n}?"}, answer]} for n in range(20)]
    path = tmp_path / "turns.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    text = get_any_task("own_data", {"path": str(path), "metric": ["exact_match"], "test_fraction": 0.4})
    pictured = get_any_task("visual_questions", {**SIZES, "seed": 1})
    trial = Trial(
        base_model=toy("llava"),
        task=get_any_task("visual_questions", SIZES).spec(),
        method=resolve(MethodEntry(name="lora")),
        learning_rate=1e-2,
        seed=0,
        recipe=Recipe(steps=2, batch_size=4),
        measures=("answers", "forgetting"),
        skills=tuple(SkillQuestions(task.in_words(), 3).skill for task in (text, pictured)),
    )
    check_trials([trial])
    finished = run_trial(trial, tmp_path / "saved", attempt=1, concurrent_workers=1, listener=Silent())
    assert finished.record.outcome.kind == "ok", finished.record.outcome
    assert [(skill.name, len(skill.changes)) for skill in finished.record.skills] == [
        ("own_data", 3),
        ("visual_questions", 3),
    ]


@pytest.mark.parametrize(
    ("method", "recipe", "said"),
    [
        ("base-few-shot", {}, "image-text models are shown no worked examples; leave out shots"),
        ("lora", {"loss_on": "whole_text"}, 'loss_on = "whole_text": not with pictures'),
        ("lora", {"max_length": 16}, "max_length = 16 leaves no training example"),
        ("prompt-tuning", {}, "prefix-tuning, whose virtual tokens are keys and values, does"),
    ],
)
def test_what_cannot_be_used_is_refused_before_the_first_trial(
    toy: Callable[[str], str], method: str, recipe: dict[str, Any], said: str
) -> None:
    spec = resolve(MethodEntry(name=method))
    trial = Trial(
        base_model=toy("llava"),
        task=get_any_task("visual_questions", SIZES).spec(),
        method=spec,
        learning_rate=1e-2 if spec.trains else None,
        seed=0,
        recipe=Recipe(steps=4, batch_size=4, **recipe),
    )
    with pytest.raises(InputError, match=re.escape(said)):
        check_trials([trial])


def test_a_base_model_of_text_alone_is_refused() -> None:
    assert not kind_named(IMAGE_TEXT).fits("toy:llama")
    with pytest.raises(InputError, match="needs a model that reads pictures and text"):
        kind_on(get_any_task("visual_questions", SIZES), "toy:llama")
