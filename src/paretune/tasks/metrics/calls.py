"""Calls of metrics, which may come from a plug-in: what one raises or returns wrongly is one line with its name."""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any

from paretune.spec import InputError, Metric, one_line
from paretune.tasks.asking import CorpusMetric
from paretune.tasks.base import Example
from paretune.tasks.metrics.base import AnswerMetric, TextMetric

_LONGEST = 60


def make(kind: type[AnswerMetric], argument: str, name: str) -> AnswerMetric:
    """Return a metric of a class, checked. `name` is what `--metric` calls it.

    Raises `InputError` for an argument that it cannot use, a package that is missing, and a class that is unfinished.
    """
    if missing := sorted(getattr(kind, "__abstractmethods__", ())):
        raise InputError(f'metric "{name}": its class {kind.__name__} has no {", ".join(missing)}')
    with _named(name, "its class cannot be used"):
        metric = kind(argument)
    declared = getattr(metric, "metrics", None)
    if not isinstance(declared, tuple) or not declared or not all(isinstance(one, Metric) for one in declared):
        raise InputError(
            f'metric "{name}": "metrics" of its class {kind.__name__} must be a tuple of at least one Metric'
        )
    over_all = {one.name for one in declared if one.per == "corpus"}
    if over_all != metric.corpus_metrics.keys():
        raise InputError(f'metric "{name}": "corpus_metrics" must have what is declared per corpus and nothing else')
    with _named(name, "its check fails"):
        metric.check()
    return metric


def takes(metric: AnswerMetric, example: Example) -> bool:
    """Tell whether an example has what a metric needs. Raises `InputError` where the metric raises."""
    with _named(_name(metric), f'"takes" fails for the reference of {example.id}'):
        return metric.takes(example)


def values_of(metric: TextMetric, text: str, example: Example) -> Mapping[str, float]:
    """Return the values of a text, of all that a metric declares per item.

    Raises `InputError` where the metric raises, and where a value is missing, undeclared, infinite or out of bounds.
    """
    shown = repr(text if len(text) <= _LONGEST else f"{text[:_LONGEST]}...")
    where = f'"score" fails for the answer {shown} to {example.id}'
    declared = {one.name: one for one in metric.metrics if one.per == "item"}
    with _named(_name(metric), where):
        values = metric.score(text, example)
        if values.keys() != declared.keys():
            found, wanted = (", ".join(sorted(names)) or "nothing" for names in (values, declared))
            raise ValueError(f"it gives {found} where {wanted} is declared")
        for name, value in values.items():
            if not math.isfinite(value) or not _is_within(value, declared[name]):
                raise ValueError(f"{name} = {value:g} is not within its bounds")
    return values


def corpus_metrics_of(metric: AnswerMetric) -> dict[str, CorpusMetric]:
    """Return how a metric's values over all answers are computed. Both calls raise `InputError` where it raises."""
    return {name: _guarded(metric, name, how) for name, how in metric.corpus_metrics.items()}


def _guarded(metric: AnswerMetric, name: str, how: CorpusMetric) -> CorpusMetric:
    def value(readings: Sequence[Any]) -> float:
        with _named(_name(metric), f'"{name}" over all answers fails'):
            return how.value(readings)

    return CorpusMetric(None if how.read is None else partial(_reading, metric, how.read), value)


def _reading(metric: AnswerMetric, read: Callable[[str, Any], Any], text: str, example: Any) -> Any:
    with _named(_name(metric), f'"read" fails for an answer to {example.id}'):
        return read(text, example)


def _is_within(value: float, declared: Metric) -> bool:
    return math.isclose(declared.within(value), value, rel_tol=1e-9, abs_tol=1e-9)


def _name(metric: AnswerMetric) -> str:
    return metric.metrics[0].name


@contextmanager
def _named(name: str, what: str) -> Iterator[None]:
    """Raise an error as an `InputError` that opens with a metric's name."""
    try:
        yield
    except InputError:
        raise
    except Exception as error:  # a plug-in may raise anything
        kind = "" if type(error) is ValueError else f"{type(error).__name__}: "
        raise InputError(f'metric "{name}": {what}: {kind}{one_line(error)}') from error
