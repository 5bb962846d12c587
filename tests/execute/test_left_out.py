"""What is left out is counted, and what could only fail after training is refused before it."""

from collections.abc import Callable
from pathlib import Path

import pytest

from paretune.execute.check import check_trials
from paretune.execute.plan import plan
from paretune.execute.trial import run_trial
from paretune.models import load_model
from paretune.report.wording import notes
from paretune.spec import InputError, Record, Study, Trial
from paretune.tasks import Split, get_task
from tests.execute.stand_in import Deaf

Build = Callable[..., Study]


def run_one(trial: Trial, folder: Path) -> Record:
    return run_trial(trial, folder / "adapter", attempt=1, concurrent_workers=1, listener=Deaf()).record


def num_longer(trial: Trial, split: Split, length: int) -> int:
    """Return how many examples of a split have more tokens than `length`, the end of the text counted."""
    tokenizer = load_model(trial.base_model).tokenizer
    examples = get_task(trial.task.name, trial.task.options).examples(split)
    return sum(len(tokenizer(one.prompt + one.completion)["input_ids"]) + 1 > length for one in examples)


def test_validation_examples_that_are_too_long_are_counted_and_said(toy_study: Build, folder: Path) -> None:
    (trial,) = plan(toy_study(methods=["lora"], recipe={"steps": 1, "batch_size": 2, "max_length": 150}))
    record = run_one(trial, folder)
    assert record.outcome.kind == "ok"
    assert record.num_left_out == num_longer(trial, "train", 150) > 0
    assert record.num_validation_left_out == num_longer(trial, "validation", 150) > 0
    said = "\n".join(notes([record], []))
    assert f"Up to {record.num_validation_left_out} validation examples were longer" in said


def test_validation_data_that_is_all_too_long_is_refused_by_its_own_name(toy_study: Build, folder: Path) -> None:
    (trial,) = plan(toy_study(methods=["lora"], recipe={"steps": 1, "batch_size": 2, "max_length": 138}))
    assert num_longer(trial, "validation", 138) == 8
    record = run_one(trial, folder)
    assert record.outcome.kind == "refused"
    assert "max_length = 138 leaves no validation example" in record.outcome.message


def test_general_text_of_one_token_is_refused_before_the_first_step(
    toy_study: Build, folder: Path, tmp_path: Path
) -> None:
    texts = tmp_path / "texts.txt"
    texts.write_text("A line of text.\na\n")
    trials = plan(toy_study(methods=["base", "lora"], general_text={"source": str(texts), "num_texts": 2}))
    for trial in trials:
        record = run_one(trial, folder)
        assert record.outcome.kind == "refused"
        assert "general_text: 'a' has too few tokens (1)" in record.outcome.message
        assert "\n" not in record.outcome.message
        assert record.train_losses == ()


def test_planning_refuses_both_already(toy_study: Build, tmp_path: Path) -> None:
    texts = tmp_path / "texts.txt"
    texts.write_text("A line of text.\na\n")
    study = toy_study(
        methods=["lora"],
        recipe={"steps": 1, "batch_size": 2, "max_length": 138},
        general_text={"source": str(texts), "num_texts": 2},
    )
    with pytest.raises(InputError, match="leaves no validation example"):
        check_trials(plan(study))
    longer = study.model_copy(update={"recipe": study.recipe.model_copy(update={"max_length": 512})})
    with pytest.raises(InputError, match="too few tokens"):
        check_trials(plan(longer))
