"""Code problems: their data, their tests, and what a task says of programs."""

from collections.abc import Sequence
from typing import Any

import pytest

from paretune.spec import InputError, Recipe
from paretune.tasks import Example, get_task
from paretune.tasks.code.steps import pairs
from paretune.tasks.code.task import CodeTask
from paretune.testing import TaskContract
from paretune.testing.says import Says
from tests.tasks.code.sandboxes import needs_sandbox

SMALL = {"train_size": 4, "validation_size": 2, "test_size": 4}


@needs_sandbox
class TestCodeProblems(TaskContract):
    task = "code_problems"
    options = SMALL


def task_of(**options: Any) -> CodeTask:
    made = get_task("code_problems", SMALL | options)
    assert isinstance(made, CodeTask)
    return made


def test_unseen_pairs_are_not_trained_on_and_their_steps_are() -> None:
    task = get_task("code_problems")
    trained = {one.cluster for one in task.examples("train")}
    steps = {step.words for pair in pairs() if pair.name in trained for step in (pair.first, pair.second)}
    by_name = {pair.name: pair for pair in pairs()}
    for one in task.examples("test"):
        assert one.cluster is not None
        assert (one.cluster in trained) == (one.group == "seen")
        pair = by_name[one.cluster]
        assert {pair.first.words, pair.second.words} <= steps
    groups = [one.group for one in task.examples("test")]
    assert groups.count("seen") == groups.count("unseen") == 80


@needs_sandbox
def test_a_program_that_ignores_its_argument_is_never_right() -> None:
    task = task_of(test_size=8)
    for one in task.examples("test"):
        for constant in ("''", "[]", "0", "1", "True", "False", "None"):
            assert task.score(f"    return {constant}\n", one)["pass_at_1"] == 0


def test_other_tests_are_another_task() -> None:
    assert task_of().content_hash != task_of(num_tests=9).content_hash
    assert task_of().content_hash != task_of(seed=1).content_hash
    assert task_of().content_hash == task_of(samples=4, k=[1, 2]).content_hash


def test_more_problems_than_there_are_is_one_line() -> None:
    with pytest.raises(InputError, match=r"only \d+ new problems can be made for validation, and 1000 are asked"):
        task_of(train_size=1, validation_size=1000).examples("train")


@needs_sandbox
def test_pass_at_k_of_samples() -> None:
    """Of four samples one is right: pass@1 is 1/4, pass@2 is 1 - C(3,2)/C(4,2) = 1/2."""
    task = task_of(samples=4, k=[1, 2])
    (one, *_) = task.examples("test")
    said = ["    return None\n", one.completion, "    nonsense(\n", "    return undefined\n"]
    (answer,) = task.ask(_Samples(said), [one])
    assert answer.values == {"pass_at_1": 0.25, "pass_at_2": 0.5, "tests_passed": 0.25}
    assert task.score(answer.text, one) == answer.values
    (note,) = task.about_answers()
    assert note.startswith("programs: ")
    assert all(part in note for part in ("1 passed", "1 wrong", "1 not Python", "1 error", "run in bubblewrap"))
    assert [metric.name for metric in task.card.metrics] == ["pass_at_1", "pass_at_2", "tests_passed"]


class _Samples(Says):
    """Says other texts for the same example, in the order in which it is asked."""

    def __init__(self, texts: Sequence[str]) -> None:
        super().__init__([], [])
        self._said = texts

    def write(self, examples: Sequence[Example]) -> list[str]:
        assert len(examples) == len(self._said)
        return list(self._said)


def test_samples_need_a_temperature_and_k_needs_samples() -> None:
    with pytest.raises(InputError, match=r"samples = 4 with a temperature of 0 draws the same program each time"):
        task_of(samples=4).check_recipe(Recipe())
    task_of(samples=4).check_recipe(Recipe(temperature=0.8))
    with pytest.raises(InputError, match=r"pass@10 needs at least 10 samples of each problem, and option samples is 4"):
        task_of(samples=4, k=[1, 10])
    with pytest.raises(InputError, match="option sandbox must be bubblewrap or limits"):
        task_of(sandbox="none")
    with pytest.raises(InputError, match="option k must be a list of different whole numbers"):
        task_of(k=[])
