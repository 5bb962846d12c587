"""Putting questions to a model: what a task may ask of one, and what comes back."""

from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

if TYPE_CHECKING:
    from paretune.tasks.base import Example


class Loss(NamedTuple):
    """How unlikely a model finds a completion, given its prompt."""

    nats: float
    """Negative log-likelihood, summed over the tokens, the end token among them."""
    num_tokens: int
    greedy: bool = False
    """Whether every token is the likeliest one in its place, so that a greedy answer is the same text."""


class Continuation(NamedTuple):
    """A text, and what may follow it: no template, and no end token."""

    context: str
    text: str


class Writing(NamedTuple):
    """How texts are continued."""

    max_new_tokens: int
    stop: tuple[str, ...] = ()
    """Texts before which it ends."""
    temperature: float = 0.0
    """0: greedy."""
    top_p: float = 1.0


class Respondent(Protocol):
    """A model that questions are put to. Each call runs it."""

    def write(self, examples: Sequence["Example"]) -> list[str]:
        """Return what it generates after each prompt."""

    def losses(self, examples: Sequence["Example"]) -> list[Loss]:
        """Return how unlikely it finds each completion. Nothing is generated."""

    def continuations(self, asked: Sequence[Continuation]) -> list[Loss]:
        """Return how unlikely it finds each text after its context. Nothing is generated."""

    def complete(self, contexts: Sequence[str], how: Writing) -> list[str]:
        """Return what it generates after each context, which goes through no template."""


class Answer(NamedTuple):
    """What a model made of one question."""

    text: str
    """What is kept with the item: what it wrote, or the option that it chose; empty where it was not asked for any."""
    values: Mapping[str, float] = {}
    """By metric, of all that are declared per item."""
    readings: Mapping[str, Hashable] = {}
    """By metric that is declared per corpus: what counts of this answer."""


class CorpusMetric(NamedTuple):
    """How a metric that is declared per corpus is computed, such as macro F1."""

    read: Callable[[str, Any], Hashable] | None
    """Returns what counts of an answer, such as the label that was given and the right one. Never raises. None where it
    is not read from a text: then the task's `ask` gives the readings."""
    value: Callable[[Sequence[Any]], float]
    """Returns the metric of several answers, at least one, from what was read of each; the order does not matter. It is
    called once for each different reading, without it, so readings that repeat make it quick."""


class ScoresTexts(Protocol):
    """What gives values to a text."""

    @property
    def corpus_metrics(self) -> Mapping[str, CorpusMetric]:
        """Return how the metrics that it declares per corpus are computed."""

    def score(self, text: str, example: Any) -> Mapping[str, float]:
        """Return the values of an answer by metric."""


def answer_of(text: str, example: Any, judge: ScoresTexts) -> Answer:
    """Return a text as an answer, with the values that `judge` gives it."""
    readings = {name: metric.read(text, example) for name, metric in judge.corpus_metrics.items() if metric.read}
    return Answer(text, judge.score(text, example), readings)
