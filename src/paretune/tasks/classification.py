"""Tasks of sorting texts into classes, for models with a classification head.

One example and how it is judged:

    text      "The battery died within a week."
    label     "negative", one of the task's labels
    right     the class that the head gives the most probability is "negative"
"""

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import ClassVar, NamedTuple

from paretune.spec import CLASSIFIER, ModelKind, content_hash
from paretune.tasks.asking import CorpusMetric
from paretune.tasks.base import AnyTask, Split

_SPLITS: tuple[Split, ...] = ("train", "validation", "test")


class LabelledExample(NamedTuple):
    """One text and the class that it is of."""

    id: str
    text: str
    label: str
    group: str = "all"
    """The part of the questions it belongs to."""
    cluster: str | None = None
    """What it shares with other texts, such as a document or a customer; None where nothing."""

    @property
    def target(self) -> str:
        """Return the right answer."""
        return self.label


class ClassificationTask(AnyTask):
    """Texts to be sorted into classes. Subclasses set `card`, `default_options` and `labels`, and write `examples`.

    Guarantees every such task gives besides: no text is in two splits; every example's label is one of `labels`.
    """

    kind: ClassVar[ModelKind] = CLASSIFIER
    answers: ClassVar[str] = "classes"
    labels: Sequence[str]
    """The classes, in the order of the head's outputs."""
    corpus_metrics: Mapping[str, CorpusMetric] = {}
    """How the metrics that the card declares per corpus, such as macro F1, are computed, by name."""

    @abstractmethod
    def examples(self, split: Split) -> Sequence[LabelledExample]:
        """Return all examples of a split. May raise `InputError` for data or options that cannot be used."""

    def questions(self, split: Split) -> Mapping[str, str]:
        """Return the texts by the ids of the examples."""
        return {example.id: example.text for example in self.examples(split)}

    def score(self, label: str, example: LabelledExample) -> Mapping[str, float]:
        """Return the values of the label that a model gave by metric: of all that the card declares per item."""
        return {"accuracy": float(label == example.label)}

    @cached_property
    def content_hash(self) -> str:
        """Hash over the classes and every example of every split. What texts share does not change them."""
        shown = [tuple(one)[:-1] for split in _SPLITS for one in self.examples(split)]
        return content_hash("\n".join(map(repr, [tuple(self.labels), *shown])))
