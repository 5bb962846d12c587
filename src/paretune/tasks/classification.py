"""Tasks of saying something short of texts, for models with a head: a label, several labels, or a number.

One example of each and how it is judged:

    text      "The battery died within a week."
    label     "negative", one of the task's labels
    right     the label that the head gives the most probability is "negative"

    labels    ("battery", "service"), any of the task's labels
    right     these are the labels that the head gives a probability of one half or more

    number    2.5
    right     the nearer the head's number, the better
"""

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import ClassVar, NamedTuple

from paretune.spec import CLASSIFIER, ModelKind, RowsReport, content_hash
from paretune.tasks.asking import CorpusMetric
from paretune.tasks.base import AnyTask, Split
from paretune.tasks.label_scoring import SCORINGS, HeadAnswer, Label, LabelScoring, Problem, label_text

_SPLITS: tuple[Split, ...] = ("train", "validation", "test")


class LabelledExample(NamedTuple):
    """One text, or two that belong together, and what is right to say of it."""

    id: str
    text: str
    label: Label
    """One label; several as a tuple; or a number: as the task's `problem` says."""
    group: str = "all"
    """The part of the questions it belongs to."""
    cluster: str | None = None
    """What it shares with other texts, such as a document or a customer; None where nothing."""
    second: str | None = None
    """The second of two texts, such as a hypothesis after its premise."""

    @property
    def prompt(self) -> str:
        """Return what is read: the text, or both."""
        return self.text if self.second is None else f"{self.text}\n\n{self.second}"

    @property
    def target(self) -> str:
        """Return the right answer as text."""
        return label_text(self.label)


class ClassificationTask(AnyTask):
    """Texts that a head says something of. Subclasses set `card`, `default_options` and `labels`, and write `examples`.

    Guarantees every such task gives besides: no text is in two splits; every example's label is one of `labels`.
    """

    kind: ClassVar[ModelKind] = CLASSIFIER
    answers: ClassVar[str] = "classes"
    problem: Problem = "single_label"
    """What a head says of a text: "single_label", "several_labels" or "regression"."""
    labels: Sequence[str] = ()
    """The classes, in the order of the head's outputs; none where the answer is a number."""

    @property
    def rows(self) -> RowsReport | None:
        """What became of the rows of a person's own data; None where the data comes with the task."""
        return None

    @abstractmethod
    def examples(self, split: Split) -> Sequence[LabelledExample]:
        """Return all examples of a split. May raise `InputError` for data or options that cannot be used."""

    def questions(self, split: Split) -> Mapping[str, str]:
        """Return the texts by the ids of the examples."""
        return {example.id: example.prompt for example in self.examples(split)}

    @cached_property
    def scoring(self) -> LabelScoring:
        """What the answers to a problem of this kind are worth."""
        return SCORINGS[self.problem](self.labels)

    @property
    def corpus_metrics(self) -> Mapping[str, CorpusMetric]:
        """How the metrics that the card declares per corpus are computed, by name."""
        declared = {metric.name for metric in self.card.metrics}
        return {name: metric for name, metric in self.scoring.corpus_metrics.items() if name in declared}

    def score(self, answer: str, example: LabelledExample) -> Mapping[str, float]:
        """Return the values of an answer by metric: of all that the card declares per item.

        `answer` is what a head says, an `HeadAnswer`: the text of its label, and the values behind it.
        """
        declared = {metric.name for metric in self.card.metrics}
        found = self.scoring.score(answer, example.label)
        return {name: value for name, value in found.items() if name in declared}

    @cached_property
    def prior(self) -> HeadAnswer:
        """The answer that looks at no text: what is most frequent in the training data, or the mean of its numbers."""
        return self.scoring.prior([one.label for one in self.examples("train")])

    @cached_property
    def content_hash(self) -> str:
        """Hash over the classes and every example of every split. What texts share does not change them."""
        shown = [(*one[:4], *filter(None, one[5:])) for split in _SPLITS for one in self.examples(split)]
        return content_hash("\n".join(map(repr, [tuple(self.labels), *shown])))
