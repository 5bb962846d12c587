"""The task keeps the contract, and its metrics are what they say."""

from paretune_backwards import Backwards, edit_distance

from paretune.tasks.scoring import score_answers
from paretune.testing import TaskContract


class TestBackwards(TaskContract):
    task = "backwards"


def test_distances() -> None:
    assert edit_distance("kitten", "sitting") == 3
    assert edit_distance("", "abc") == edit_distance("abc", "") == 3
    assert edit_distance("abc", "abc") == 0


def test_half_of_the_letters_are_half_an_f1() -> None:
    task = Backwards()
    examples = task.examples("test")[:2]
    found = score_answers(task, examples, [examples[0].completion, ""])
    due = [len(example.target) for example in examples]
    assert found.metrics["letters_f1"] == 2 * due[0] / (2 * due[0] + due[1])
    assert found.metrics["edit_distance"] == due[1] / 2
