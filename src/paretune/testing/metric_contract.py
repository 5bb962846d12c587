"""What every metric of answers promises, as tests that a metric's author inherits."""

import math
from collections.abc import Sequence
from typing import ClassVar

import pytest

from paretune.tasks import Example
from paretune.tasks.metrics import AnswerMetric, TextMetric, chosen_metrics
from paretune.tasks.own_data import OwnData
from paretune.tasks.scoring import Scored, score_all
from paretune.testing.says import Says
from paretune.testing.task_contract import arbitrary_texts


class MetricContract:
    """Inherit from it in a class whose name begins with `Test`, set `metric`, and let pytest find it.

    No model is needed.
    """

    metric: ClassVar[str]
    """What `--metric` calls it, with its argument where it takes one."""
    references: ClassVar[Sequence[str]] = ("Lima", "two words", "a sentence of some more words", "12")
    """References that the metric can score, at least two of them different."""

    def make(self) -> AnswerMetric:
        """Return a new instance of the metric."""
        (found,) = chosen_metrics([self.metric], "the contract")
        return found

    def examples(self) -> list[Example]:
        """Return a question for each reference, all of them to choose from."""
        choices = tuple(dict.fromkeys(self.references))
        return [
            Example(f"{number}", f"Question {number}:", f" {text}", text, "all", choices=choices)
            for number, text in enumerate(self.references)
        ]

    def scored(self, texts: Sequence[str]) -> Scored:
        """Return what the metric says of one text for each example."""
        task = OwnData({"path": "never-read.jsonl", "metric": [self.metric]})
        examples = self.examples()
        return score_all(task, examples, task.ask(Says(texts, examples), examples))

    def test_references_have_the_best_value(self) -> None:
        """Each is a reference that the metric takes, and as an answer it has the best value that there is."""
        metric, found = self.make(), self.scored(self.references)
        assert all(metric.takes(example) for example in self.examples())
        for declared in metric.metrics:
            best = declared.low if declared.lower_is_better else declared.high
            if best is not None:
                assert math.isclose(found.metrics[declared.name], best, abs_tol=1e-9), declared.name

    def test_whatever_is_written_has_values_within_bounds(self) -> None:
        """Nothing raises; every declared metric has a finite value, for each answer and over all."""
        metric = self.make()
        declared = {one.name: one for one in metric.metrics}
        for text in arbitrary_texts():
            found = self.scored([text] * len(self.references))
            assert found.metrics.keys() == declared.keys()
            assert found == self.scored([text] * len(self.references))
            for name, value in found.metrics.items():
                assert math.isfinite(value), (name, text)
                assert declared[name].within(value) == value, (name, value, text)
            for item in found.items:
                assert item.scores.keys() == declared.keys()
                assert all(math.isfinite(value) for value in item.scores.values())

    def test_a_wrong_answer_is_told_from_a_right_one(self) -> None:
        """Where texts are read, the references in another order are no better by the main metric."""
        metric = self.make()
        if not isinstance(metric, TextMetric):
            pytest.skip("this metric reads no text")
        main = metric.metrics[0]
        right = self.scored(self.references).metrics[main.name]
        wrong = self.scored(self.references[::-1]).metrics[main.name]
        assert main.sign * wrong < main.sign * right

    def test_it_says_what_a_reference_must_be(self) -> None:
        """Of arbitrary references it can tell whether it takes them, without raising."""
        metric = self.make()
        assert metric.reference
        assert {metric.takes(self.examples()[0].answered(text)) for text in arbitrary_texts()} <= {True, False}
