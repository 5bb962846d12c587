"""What learns to label texts in place of a base model: the form of a baseline."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import NamedTuple


class LabelledTexts(NamedTuple):
    """Texts, each with its label."""

    texts: Sequence[str]
    labels: Sequence[str]


class TextLearner(ABC):
    """Learns from labelled texts, then gives labels. The same texts always give the same labels.

    `learn` is called once, before `probabilities`.
    """

    @abstractmethod
    def learn(self, train: LabelledTexts, validation: LabelledTexts) -> str:
        """Learn from `train`, with settings chosen on `validation`, and return in words what was chosen.

        Raises `InputError` for texts that nothing can be learnt from.
        """

    @abstractmethod
    def probabilities(self, texts: Sequence[str], labels: Sequence[str]) -> list[list[float]]:
        """Return the probability of each of `labels`, in their order, for each text; 0 for a label it never saw."""
