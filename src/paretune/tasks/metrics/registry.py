"""From what a person writes after `--metric` to metrics."""

from collections.abc import Iterable, Sequence

from paretune.plugins import plugin_classes
from paretune.spec import InputError, Metric, nearest
from paretune.tasks.metrics.base import AnswerMetric
from paretune.tasks.metrics.calls import make
from paretune.tasks.metrics.extraction import RegexMatch
from paretune.tasks.metrics.fields import JsonFields
from paretune.tasks.metrics.likelihood import Choice, Perplexity
from paretune.tasks.metrics.overlap import Bleu, ChrF, RougeL
from paretune.tasks.metrics.words import Contains, ExactMatch, TokenF1

PLUGIN_GROUP = "paretune.metrics"
"""Entry points of this group name subclasses of `AnswerMetric`."""
OWN: dict[str, type[AnswerMetric]] = {
    "exact_match": ExactMatch,
    "contains": Contains,
    "f1": TokenF1,
    "rouge_l": RougeL,
    "chrf": ChrF,
    "bleu": Bleu,
    "json": JsonFields,
    "regex": RegexMatch,
    "choice": Choice,
    "perplexity": Perplexity,
}
"""Those that come with Paretune, by the names that `--metric` takes."""


def metric_names() -> list[str]:
    """Return the names that `--metric` takes, those of plug-ins last."""
    return list(_all())


def names_in(text: str) -> list[str]:
    """Return the metrics that a text names, separated by commas; a pattern of `regex:` takes all that follows."""
    names: list[str] = []
    while text:
        if text.lstrip().startswith("regex:"):
            return [*names, text.strip()]
        name, _, text = text.partition(",")
        names.append(name.strip())
    return names


def chosen_metrics(names: Sequence[str], where: str) -> tuple[AnswerMetric, ...]:
    """Return metrics by their names, the main one first.

    Raises `InputError`, opening with `where`, for an unknown name, for one that is there twice, where a package that
    one needs is missing, and for a plug-in's class that is unfinished.
    """
    found = tuple(_metric(name, where) for name in names)
    declared = [metric.name for one in found for metric in one.metrics]
    for name in declared:
        if declared.count(name) > 1:
            raise InputError(f'{where}: metric "{name}" is there twice')
    return found


def declared_by(metrics: Iterable[AnswerMetric]) -> tuple[Metric, ...]:
    """Return what metrics declare, the main metric first."""
    return tuple(metric for one in metrics for metric in one.metrics)


def _metric(text: str, where: str) -> AnswerMetric:
    name, colon, argument = text.partition(":")
    known = _all()
    if name not in known:
        shown = [f"{one}:{of.argument}" if of.argument else one for one, of in known.items()]
        raise InputError(f'{where}: unknown metric "{name}"{nearest(name, known)}; known metrics: {", ".join(shown)}')
    wanted = known[name].argument
    if bool(wanted) != bool(argument) or (colon and not wanted):
        form = f"{name}:{wanted}" if wanted else f"{name} alone"
        raise InputError(f'{where}: metric "{text}": write {form}')
    try:
        return make(known[name], argument, name)
    except InputError as error:
        raise InputError(f"{where}: {error}") from error.__cause__


def _all() -> dict[str, type[AnswerMetric]]:
    return OWN | plugin_classes(PLUGIN_GROUP, AnswerMetric, OWN)
