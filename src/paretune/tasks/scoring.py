"""From what a model wrote to values: item by item, over all of them, and over their groups."""

from collections.abc import Hashable, Mapping, Sequence
from statistics import fmean, stdev
from typing import NamedTuple, Protocol

from paretune.spec import TaskCard
from paretune.store import Item
from paretune.tasks.asking import Answer, ScoresTexts, answer_of
from paretune.tasks.jackknife import pseudo_values


class Question(Protocol):
    """What is kept of a question next to its scores."""

    @property
    def id(self) -> str:
        """Return its name."""

    @property
    def group(self) -> str:
        """Return the part of the questions that it belongs to."""

    @property
    def target(self) -> str:
        """Return the right answer."""

    @property
    def cluster(self) -> str | None:
        """Return what it shares with other questions."""


class ScoringTask(ScoresTexts, Protocol):
    """A task that gives values to what a model says in words or labels."""

    @property
    def card(self) -> TaskCard:
        """Return what it declares."""


class Scored(NamedTuple):
    """What a task says of all answers."""

    items: list[Item]
    metrics: dict[str, float]
    standard_errors: dict[str, float]
    """Of each metric, over the items."""
    groups: dict[str, dict[str, float]]
    """By the name of a group: its metrics, and the number of its items under "num_items"."""


def score_answers(task: ScoringTask, examples: Sequence[Question], texts: Sequence[str]) -> Scored:
    """Return what the task says of one text for each example, at least one.

    Raises `ValueError` where the task gives a value that its card does not declare.
    """
    return score_all(task, examples, [answer_of(text, one, task) for one, text in zip(examples, texts, strict=True)])


def score_all(task: ScoringTask, examples: Sequence[Question], answers: Sequence[Answer]) -> Scored:
    """Return what a task says of one answer to each example, at least one. Raises `ValueError` as `score_answers`."""
    scores = [_checked(task, one.values) for one in answers]
    readings: dict[str, list[Hashable]] = {}
    for name, metric in task.corpus_metrics.items():
        readings[name] = [_reading(task, one, name) for one in answers]
        for values, share in zip(scores, pseudo_values(readings[name], metric.value), strict=True):
            values[name] = share
    items = [
        Item(one.id, one.group, values, answer.text, one.target, one.cluster)
        for one, values, answer in zip(examples, scores, answers, strict=True)
    ]
    groups = {}
    for group in sorted({item.group for item in items}):
        places = [place for place, item in enumerate(items) if item.group == group]
        inside = {name: metric.value([readings[name][one] for one in places])
                  for name, metric in task.corpus_metrics.items()}  # fmt: skip
        means = _means([scores[place] for place in places])
        groups[group] = {**means, **inside, "num_items": float(len(places))}
    return Scored(items, _means(scores), _standard_errors(scores), groups)


def _reading(task: ScoringTask, answer: Answer, name: str) -> Hashable:
    if name not in answer.readings:
        raise ValueError(f'task "{task.card.name}": an answer has no reading for the metric "{name}"')
    return answer.readings[name]


def _checked(task: ScoringTask, scores: Mapping[str, float]) -> dict[str, float]:
    declared = {metric.name for metric in task.card.metrics if metric.per == "item"}
    if strange := scores.keys() - declared:
        raise ValueError(
            f'task "{task.card.name}": score gives {", ".join(sorted(strange))}, which its card does not declare '
            "per item"
        )
    return {name: float(value) for name, value in scores.items()}


def _values(scores: Sequence[Mapping[str, float]]) -> dict[str, list[float]]:
    """Return the values of each metric, of the items that have it."""
    names = dict.fromkeys(name for one in scores for name in one)
    return {name: [one[name] for one in scores if name in one] for name in names}


def _means(scores: Sequence[Mapping[str, float]]) -> dict[str, float]:
    return {name: fmean(values) for name, values in _values(scores).items()}


def _standard_errors(scores: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """Return the standard error of each mean: the binomial one where values are right or wrong."""
    found = {}
    for name, values in _values(scores).items():
        if set(values) <= {0.0, 1.0}:
            found[name] = (fmean(values) * (1 - fmean(values)) / len(values)) ** 0.5
        elif len(values) > 1:
            found[name] = stdev(values) / len(values) ** 0.5
    return found
