"""What a metric of answers is."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from typing import ClassVar

from paretune.spec import InputError, Metric
from paretune.tasks.asking import Answer, CorpusMetric, Respondent
from paretune.tasks.base import Example


class AnswerMetric(ABC):
    """One way to score a model on a data set with references. Subclass `TextMetric`, or `ModelMetric`.

    An entry point of the group `paretune.metrics` names a subclass, and its own name is what `--metric` calls it.
    """

    metrics: ClassVar[tuple[Metric, ...]]
    """What it declares, the main metric first."""
    corpus_metrics: Mapping[str, CorpusMetric] = {}
    """How those that are declared per corpus are computed, by name."""
    argument: ClassVar[str] = ""
    """What stands after a colon, as in `regex:PATTERN`, in a word; empty where nothing may."""
    needs: ClassVar[Mapping[str, str]] = {}
    """Packages that it imports, by the name of the module, and how they are installed."""
    reference: ClassVar[str] = "something that the metric gives its best value"
    """What every reference must be, after "a reference must be"."""

    def __init__(self, argument: str = "") -> None:
        """Take what stands after the colon. Raises `InputError`, one line, for what cannot be used."""
        self.given = argument

    def check(self) -> None:
        """Raise `InputError` where a package is missing. Imports nothing."""
        for module, installed in self.needs.items():
            if find_spec(module) is None:
                name = module.replace("_", "-")
                raise InputError(f'metric "{self.metrics[0].name}" needs {name}: {installed}')

    def takes(self, example: Example) -> bool:  # noqa: ARG002
        """Tell whether an example has what the metric needs; see `reference`."""
        return True


class TextMetric(AnswerMetric):
    """A metric of what a model writes."""

    @abstractmethod
    def score(self, text: str, example: Example) -> Mapping[str, float]:
        """Return the values of a text by metric, of all that are declared per item. Never raises."""


class ModelMetric(AnswerMetric):
    """A metric that asks a model for something else than text of its own."""

    @abstractmethod
    def ask(self, model: Respondent, examples: Sequence[Example]) -> list[Answer]:
        """Put questions to a model and return its answers, with all that is declared."""
