"""Metrics of what a model finds likely. Nothing is generated."""

import math
from collections.abc import Mapping, Sequence
from itertools import islice
from typing import ClassVar

from paretune.spec import Direction, Metric, Unit
from paretune.tasks.asking import Answer, CorpusMetric, Loss, Respondent
from paretune.tasks.base import Example
from paretune.tasks.metrics.base import ModelMetric

_LARGEST_EXPONENT = 700.0
"""Above it a perplexity is no number any more."""


class Choice(ModelMetric):
    """Right: of the answers to choose from, the model finds the reference the likeliest.

    Likeliest is the one with the largest probability, end token included, and not by its length: these are the
    probabilities that training raises, and with the end token they are those of whole answers, so that a long answer
    is not punished for being one.
    """

    metrics = (
        Metric(
            name="choice",
            label="Choice accuracy",
            unit=Unit.FRACTION,
            definition="Share of questions of which the model finds the reference the likeliest of the answers to "
            "choose from: by the probability of the whole answer and its end token, not divided by its length.",
        ),
    )
    reference: ClassVar[str] = (
        "one of the answers to choose from: at most 50 different completions in all of the data, or those of a column "
        "that --choices names"
    )

    def ask(self, model: Respondent, examples: Sequence[Example]) -> list[Answer]:
        """Compare the losses of all choices. Of equally likely ones the first counts."""
        losses = iter(model.losses([one.answered(choice) for one in examples for choice in one.choices]))
        answers = []
        for one in examples:
            nats = [loss.nats for loss in islice(losses, len(one.choices))]
            chosen = one.choices[nats.index(min(nats))]
            answers.append(Answer(chosen, {"choice": float(chosen == one.target)}))
        return answers

    def takes(self, example: Example) -> bool:
        """Tell whether the reference can be chosen, among others."""
        return len(example.choices) > 1 and example.target in example.choices


class Perplexity(ModelMetric):
    """How unlikely a model finds the references."""

    metrics = (
        Metric(
            name="perplexity",
            label="Perplexity",
            direction=Direction.LOWER,
            low=1,
            per="corpus",
            definition="Exponential of the loss per token of all references together, end tokens included: a question "
            "counts by its tokens. It depends on the tokenizer.",
        ),
        Metric(
            name="reference_loss",
            label="Loss of a reference",
            unit=Unit.NATS,
            direction=Direction.LOWER,
            low=0,
            definition="Loss per token of a question's reference, end token included, mean over questions: each counts "
            "the same, however long it is.",
        ),
    )

    @property
    def corpus_metrics(self) -> Mapping[str, CorpusMetric]:  # type: ignore[override]
        """The perplexity of all references."""
        return {"perplexity": CorpusMetric(read=None, value=perplexity)}

    def ask(self, model: Respondent, examples: Sequence[Example]) -> list[Answer]:
        """Read the losses of the references."""
        return [
            Answer("", {"reference_loss": loss.nats / loss.num_tokens}, {"perplexity": loss})
            for loss in model.losses(examples)
        ]


def perplexity(losses: Sequence[Loss]) -> float:
    """Return the exponential of the loss per token (Jelinek et al. 1977)."""
    mean = math.fsum(one.nats for one in losses) / sum(one.num_tokens for one in losses)
    return math.exp(min(mean, _LARGEST_EXPONENT))
