"""The task keeps the contract, and its metrics are what they say."""

from paretune.tasks import get_task
from paretune.tasks.scoring import score_answers
from paretune.testing import MetricContract, TaskContract


class TestBackwards(TaskContract):
    task = "backwards"


class TestEditDistance(MetricContract):
    metric = "edit_distance"


def test_distances() -> None:
    task = get_task("backwards")
    example = task.examples("test")[0]._replace(target="sitting")
    for said, distance in {" kitten": 3, "": 7, " sitting\n": 0, "sitting here": 5}.items():
        assert task.score(said, example) == {"edit_distance": distance, "accuracy": distance == 0}


def test_half_of_the_letters_are_half_an_f1() -> None:
    task = get_task("backwards")
    examples = task.examples("test")[:2]
    found = score_answers(task, examples, [examples[0].completion, ""])
    due = [len(example.target) for example in examples]
    assert found.metrics["letters_f1"] == 2 * due[0] / (2 * due[0] + due[1])
    assert found.metrics["edit_distance"] == due[1] / 2
