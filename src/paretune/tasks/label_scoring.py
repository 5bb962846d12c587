"""What the answers of a head are worth: of one label, of several, and of a number."""

import math
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from statistics import fmean
from typing import ClassVar, Literal

from paretune.spec import Metric
from paretune.tasks.asking import CorpusMetric
from paretune.tasks.label_metrics import (
    ABSOLUTE_ERROR,
    ACCURACY,
    CALIBRATION_ERROR,
    EXACT_MATCH,
    LOG_LOSS,
    MACRO_F1,
    MICRO_F1,
    PEARSON,
    SPEARMAN,
    SQUARED_ERROR,
    calibration_error,
    macro_f1,
    micro_f1,
    pearson,
    spearman,
)

Problem = Literal["single_label", "several_labels", "regression"]
Label = str | float | tuple[str, ...]
"""What is said of a text: a label, several labels, or a number."""

_LEAST_PROBABILITY = 1e-12
"""So that the loss of an answer that is certainly wrong stays a finite number."""
_CONFIDENCE_DIGITS = 3
"""Of probabilities in the calibration error: readings that repeat make it quick."""
GIVEN_FROM = 0.5
"""Of several labels, those with at least this probability are given."""


class HeadAnswer(str):
    """What a head says of a text, as text, and the values behind it."""

    label: Label
    values: tuple[float, ...]
    """The probability of each label, in the order of the task's labels; of a number the number."""

    def __new__(cls, label: Label, values: Iterable[float]) -> "HeadAnswer":
        """Return an answer whose text is that of its label."""
        answer = super().__new__(cls, label_text(label))
        answer.label = label
        answer.values = tuple(values)
        return answer


def label_text(label: Label) -> str:
    """Return a label as text: several with commas between them, a number with six digits at most."""
    if isinstance(label, str):
        return label
    return ", ".join(label) if isinstance(label, tuple) else f"{label:.6g}"


class LabelScoring(ABC):
    """What the answers to one sort of problem are worth."""

    metrics: ClassVar[tuple[Metric, ...]]
    """The main one first."""
    corpus_metrics: ClassVar[Mapping[str, CorpusMetric]]

    def __init__(self, labels: Sequence[str]) -> None:
        self._labels = tuple(labels)

    @abstractmethod
    def score(self, answer: str, label: Label) -> dict[str, float]:
        """Return the values of an answer by metric, where `label` is right. Never raises."""

    @abstractmethod
    def prior(self, labels: Sequence[Label]) -> HeadAnswer:
        """Return the answer that is right as often as one can be that looks at no text, by the labels of others."""


class SingleLabel(LabelScoring):
    """One of several labels."""

    metrics = (ACCURACY, MACRO_F1, LOG_LOSS, CALIBRATION_ERROR)
    corpus_metrics: ClassVar[Mapping[str, CorpusMetric]] = {
        "macro_f1": CorpusMetric(
            lambda answer, example: ((str(answer),), (example.target,)), macro_f1
        ),
        "calibration_error": CorpusMetric(
            lambda answer, example: (_confidence(answer), answer == example.target), calibration_error
        ),
    }  # fmt: skip

    def score(self, answer: str, label: Label) -> dict[str, float]:
        """Return whether it is right, and the loss of its probability."""
        return {"accuracy": float(answer == label), "log_loss": -math.log(self._probability(answer, label))}

    def prior(self, labels: Sequence[Label]) -> HeadAnswer:
        """Return the most frequent label, with the frequencies of all as their probabilities."""
        counted = Counter(labels)
        best = max(self._labels, key=lambda label: counted[label])
        return HeadAnswer(best, [counted[label] / len(labels) for label in self._labels])

    def _probability(self, answer: str, label: Label) -> float:
        if not isinstance(answer, HeadAnswer):  # a text by itself is sure of itself
            return 1.0 if answer == label else _LEAST_PROBABILITY
        place = self._labels.index(str(label)) if label in self._labels else None
        return _LEAST_PROBABILITY if place is None else max(_LEAST_PROBABILITY, answer.values[place])


class SeveralLabels(LabelScoring):
    """Any number of labels."""

    metrics = (MICRO_F1, MACRO_F1, EXACT_MATCH)
    corpus_metrics: ClassVar[Mapping[str, CorpusMetric]] = {
        "micro_f1": CorpusMetric(
            lambda answer, example: _hits(_several(answer), example.label), micro_f1
        ),
        "macro_f1": CorpusMetric(
            lambda answer, example: (_several(answer), example.label), macro_f1
        ),
    }  # fmt: skip

    def score(self, answer: str, label: Label) -> dict[str, float]:
        """Return whether it is exactly the right labels."""
        return {"exact_match": float(isinstance(label, tuple) and set(_several(answer)) == set(label))}

    def prior(self, labels: Sequence[Label]) -> HeadAnswer:
        """Return the labels that at least half of the texts have, with the frequencies of all as probabilities."""
        counted = Counter(one for several in labels if isinstance(several, tuple) for one in several)
        shares = [counted[label] / len(labels) for label in self._labels]
        given = tuple(label for label, share in zip(self._labels, shares, strict=True) if share >= GIVEN_FROM)
        return HeadAnswer(given, shares)


class Regression(LabelScoring):
    """A number."""

    metrics = (SQUARED_ERROR, ABSOLUTE_ERROR, PEARSON, SPEARMAN)
    corpus_metrics: ClassVar[Mapping[str, CorpusMetric]] = {
        "pearson": CorpusMetric(lambda answer, example: (_number(answer), example.label), pearson),
        "spearman": CorpusMetric(lambda answer, example: (_number(answer), example.label), spearman),
    }

    def score(self, answer: str, label: Label) -> dict[str, float]:
        """Return how far the number is from the right one."""
        error = _number(answer) - float(label) if isinstance(label, int | float) else math.inf
        return {"mean_squared_error": error**2, "mean_absolute_error": abs(error)}

    def prior(self, labels: Sequence[Label]) -> HeadAnswer:
        """Return the mean."""
        mean = fmean(label for label in labels if isinstance(label, int | float))
        return HeadAnswer(mean, (mean,))


SCORINGS: Mapping[Problem, type[LabelScoring]] = {
    "single_label": SingleLabel,
    "several_labels": SeveralLabels,
    "regression": Regression,
}


def _confidence(answer: str) -> float:
    return round(max(answer.values), _CONFIDENCE_DIGITS) if isinstance(answer, HeadAnswer) else 1.0


def _several(answer: str) -> tuple[str, ...]:
    """Return the labels of an answer; of a text by itself those between its commas."""
    if isinstance(answer, HeadAnswer) and isinstance(answer.label, tuple):
        return answer.label
    return tuple(part for one in answer.split(",") if (part := one.strip()))


def _hits(given: Sequence[str], right: Sequence[str]) -> tuple[int, int]:
    return len(set(given) & set(right)), len(given) + len(right)


def _number(answer: str) -> float:
    if isinstance(answer, HeadAnswer) and isinstance(answer.label, int | float):
        return float(answer.label)
    try:
        return float(answer)
    except ValueError:
        return math.inf
