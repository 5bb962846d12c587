"""What every task of labels promises, as tests that a task's author inherits."""

import math
from typing import Any, get_args

from paretune.tasks import ClassificationTask, Split, get_any_task
from paretune.tasks.scoring import score_answers
from paretune.testing.options_contract import OptionsContract

_SPLITS: tuple[Split, ...] = get_args(Split)


class LabelledTaskContract(OptionsContract):
    """Inherit from it in a class whose name begins with `Test`, set `task`, and let pytest find it.

    For tasks of one label a text. No model is needed. A task that needs data sets `options`, in the class or in a
    fixture.
    """

    def make(self, **options: Any) -> ClassificationTask:
        """Return a new instance of the task."""
        task = get_any_task(self.task, {**self.options, **options})
        assert isinstance(task, ClassificationTask)
        return task

    def test_the_same_options_give_the_same_data(self) -> None:
        """Two instances yield the same examples in the same order, and so the same content hash."""
        one, other = self.make(), self.make()
        for split in _SPLITS:
            assert list(one.examples(split)) == list(other.examples(split))
        assert one.spec() == other.spec()

    def test_splits_are_apart_and_no_id_comes_twice(self) -> None:
        """No text and no cluster is in two splits, and items of a split can be told apart."""
        task = self.make()
        seen: dict[str, Split] = {}
        for split in _SPLITS:
            examples = task.examples(split)
            assert examples, f"{split} is empty"
            assert len({example.id for example in examples}) == len(examples), f"ids that come twice in {split}"
            for example in examples:
                for name in (f"text {example.prompt!r}", example.cluster and f"cluster {example.cluster!r}"):
                    if name:
                        assert seen.setdefault(name, split) == split, f"{name} is in {seen[name]} and {split}"

    def test_every_label_is_listed_and_learnt(self) -> None:
        """Labels of all splits are among the task's, none of which training lacks."""
        task = self.make()
        assert len(set(task.labels)) == len(task.labels) > 1
        assert {example.label for example in task.examples("train")} == set(task.labels)
        for split in _SPLITS:
            assert {example.label for example in task.examples(split)} <= set(task.labels)

    def test_right_labels_score_best(self) -> None:
        """By every metric the right labels have the best value there is, and wrong ones a worse value."""
        task = self.make()
        examples = task.examples("test")
        right = score_answers(task, examples, [example.target for example in examples])
        following = dict(zip(task.labels, [*task.labels[1:], task.labels[0]], strict=True))
        wrong = score_answers(task, examples, [following[example.target] for example in examples])
        assert right.metrics.keys() == {metric.name for metric in task.card.metrics}
        for metric in task.card.metrics:
            best, worse = right.metrics[metric.name], wrong.metrics[metric.name]
            most = metric.low if metric.lower_is_better else metric.high
            assert most is None or math.isclose(best, most, abs_tol=1e-9), f"{metric.name} of right labels is {best}"
            assert metric.reaches(best, worse), metric.name
        main = task.card.main_metric
        assert not main.reaches(wrong.metrics[main.name], right.metrics[main.name])
