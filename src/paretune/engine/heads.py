"""What a head learns and how its outputs are read: one label, several, or a number."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from statistics import fmean, pstdev
from typing import Any, ClassVar

import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy, mse_loss

from paretune.tasks import ClassificationTask, HeadAnswer, Label
from paretune.tasks.label_scoring import GIVEN_FROM, Problem


class HeadReading(ABC):
    """One sort of problem, for a task: the outputs of its head, their targets and loss, and the answers in them."""

    problem_type: ClassVar[str]
    """What transformers calls it."""

    def __init__(self, task: ClassificationTask) -> None:
        self._labels = tuple(task.labels)

    @property
    def num_outputs(self) -> int:
        """Outputs of the head: one for each label."""
        return len(self._labels)

    @property
    def settings(self) -> dict[str, Any]:
        """Settings of the model's configuration that follow from it."""
        return {"num_labels": self.num_outputs, "problem_type": self.problem_type, **self._names()}

    @abstractmethod
    def target(self, label: Label) -> Any:
        """Return what the head should say of a text with that label: one row of what `tensor` takes."""

    @abstractmethod
    def tensor(self, targets: Sequence[Any]) -> Tensor:
        """Return the targets of a batch; the first dimension is its texts."""

    @abstractmethod
    def loss(self, logits: Tensor, targets: Tensor) -> Tensor:
        """Return the loss, summed over the texts of a batch; `logits` is float32 of shape (texts, outputs)."""

    @abstractmethod
    def answers(self, logits: Tensor) -> list[HeadAnswer]:
        """Return what outputs of shape (texts, outputs) say."""

    def _names(self) -> dict[str, Any]:
        numbered = enumerate(self._labels)
        return {"id2label": dict(numbered), "label2id": {label: number for number, label in enumerate(self._labels)}}


class SingleLabelReading(HeadReading):
    """The negative log-likelihood of the right label, in nats. The likeliest label is given."""

    problem_type = "single_label_classification"

    def target(self, label: Label) -> int:
        """Return the number of the label."""
        return self._labels.index(str(label))

    def tensor(self, targets: Sequence[int]) -> Tensor:
        """Return int64 of shape (texts)."""
        return torch.tensor(targets)

    def loss(self, logits: Tensor, targets: Tensor) -> Tensor:
        """Return the cross-entropy."""
        return cross_entropy(logits, targets, reduction="sum")

    def answers(self, logits: Tensor) -> list[HeadAnswer]:
        """Return the likeliest labels."""
        likely = logits.double().softmax(dim=-1).tolist()
        best = logits.argmax(dim=-1).tolist()
        return [HeadAnswer(self._labels[place], values) for place, values in zip(best, likely, strict=True)]


class SeveralLabelsReading(HeadReading):
    """The binary cross-entropy of each label, in nats, mean over the labels. Labels from 0.5 on are given."""

    problem_type = "multi_label_classification"

    def target(self, label: Label) -> list[float]:
        """Return 1 for each label that the text has, else 0."""
        assert isinstance(label, tuple)
        return [float(one in label) for one in self._labels]

    def tensor(self, targets: Sequence[list[float]]) -> Tensor:
        """Return float32 of shape (texts, labels)."""
        return torch.tensor(targets)

    def loss(self, logits: Tensor, targets: Tensor) -> Tensor:
        """Return the sum over texts of the mean over labels."""
        return binary_cross_entropy_with_logits(logits, targets, reduction="sum") / logits.shape[-1]

    def answers(self, logits: Tensor) -> list[HeadAnswer]:
        """Return the labels with a probability of one half or more."""
        return [self._answer(values) for values in logits.double().sigmoid().tolist()]

    def _answer(self, values: Sequence[float]) -> HeadAnswer:
        given = (label for label, value in zip(self._labels, values, strict=True) if value >= GIVEN_FROM)
        return HeadAnswer(tuple(given), values)


class RegressionReading(HeadReading):
    """The squared error of one output, in units of the training data's variance.

    The head learns (number - mean) / standard deviation of the training data, so that default learning rates go with
    numbers of any size. What it says is turned back.
    """

    problem_type = "regression"

    def __init__(self, task: ClassificationTask) -> None:
        super().__init__(task)
        numbers = [float(one.label) for one in task.examples("train") if isinstance(one.label, int | float)]
        self._mean = fmean(numbers)
        self._spread = pstdev(numbers) or 1.0

    @property
    def num_outputs(self) -> int:
        """One."""
        return 1

    def target(self, label: Label) -> float:
        """Return the number in standard units."""
        assert isinstance(label, int | float)
        return (label - self._mean) / self._spread

    def tensor(self, targets: Sequence[float]) -> Tensor:
        """Return float32 of shape (texts)."""
        return torch.tensor(targets, dtype=torch.float32)

    def loss(self, logits: Tensor, targets: Tensor) -> Tensor:
        """Return the squared error."""
        return mse_loss(logits.squeeze(-1), targets, reduction="sum")

    def answers(self, logits: Tensor) -> list[HeadAnswer]:
        """Return the numbers in the data's own units."""
        numbers = (logits.double().squeeze(-1) * self._spread + self._mean).tolist()
        return [HeadAnswer(number, (number,)) for number in numbers]

    def _names(self) -> dict[str, Any]:
        return {}


_READINGS: Mapping[Problem, type[HeadReading]] = {
    "single_label": SingleLabelReading,
    "several_labels": SeveralLabelsReading,
    "regression": RegressionReading,
}


def head_reading(task: ClassificationTask) -> HeadReading:
    """Return how the head of a task is trained and read."""
    return _READINGS[task.problem](task)
