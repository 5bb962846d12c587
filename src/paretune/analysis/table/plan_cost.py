"""What planned trials would take on a card, before any of them has run, with the base model on one or several of them.

A step takes its operations at a share of each card's peak, no less than a time for each layer (decision 43). Of a
sharded model, each card also receives what the others hold: parameters before the forward and the backward pass, and
gradients of what is trained after it. At best that is hidden behind the computation, at worst it comes on top.
Writing a token of all answers of a batch takes the time for each layer.
"""

from collections.abc import Sequence
from typing import NamedTuple

from paretune.analysis.table.projection import LAYER_SECONDS, UTILISATION, Card, Span, between
from paretune.spec import Recipe
from paretune.spec.compute import ModelCompute, StepTokens

LINK_SHARE = (0.3, 0.9)
"""Share of the data sheet's bandwidth between cards that is taken to be reached. Not measured."""
ANSWER_LAYER_SECONDS = (0.0029, 0.0042)
"""Time of a token for each layer, as measured on an H200: 80 to 117 ms with 28 layers."""
_GATHERS = 2
"""How often a step gathers a sharded parameter."""
_CHECKPOINTED = 4 / 3
"""Passes of a step with gradient checkpointing, over those of one without."""
_DTYPE_BYTES = {"float32": 4, "bfloat16": 2}


class Cards(NamedTuple):
    """What trains one trial."""

    card: Card
    number: int
    link_bytes_per_second: float
    """That each receives from the others, by the data sheet."""
    memory_bytes: int
    """Of each."""
    utilisation: tuple[float, float] = UTILISATION
    """Least and most share of the peak that steps reach."""
    cpu_offload: bool = False
    """Whether parameters and optimizer states lie in main memory."""


class Answers(NamedTuple):
    """What is written for one trial."""

    num_batches: int
    least_tokens: float
    """Of an answer, as the references have them."""
    most_tokens: float
    """At which an answer is cut."""


class StepCost(NamedTuple):
    """What one optimizer step takes."""

    flops: float
    compute: Span
    """Seconds, as if nothing had to be received."""
    received_bytes: float
    """By each card."""
    seconds: Span


class PricedMethod(NamedTuple):
    """What one method takes."""

    label: str
    needed_bytes: int | None
    """By training, of each card; None where nothing is trained, and where it could not be predicted."""
    why_not: str | None
    """Why it could not."""
    step: StepCost | None
    """Of a final trial; None where nothing is trained."""
    num_trials: int
    """Tuning trials and final ones that have not run."""
    seconds: Span
    """Of all of them, one after another: training, validation and answers."""


class Pricing(NamedTuple):
    """What a plan takes."""

    cards: Cards
    compute: ModelCompute
    methods: Sequence[PricedMethod]
    answer_bytes: int
    """By the base model with a batch of questions, on all cards together."""
    num_answering: int
    """The fewest cards that hold it; more than there are where all together do not."""
    by_characters: bool
    """Whether tokens are counted by characters, since the tokenizer is not here."""
    speed_from: str | None
    """The folder whose steps say how fast the card is; None for the usual range."""
    num_later: int
    """Tuning trials that are not among those of the methods, since their settings depend on results."""

    @property
    def seconds(self) -> Span:
        """Of all trials, one after another."""
        return total([method.seconds for method in self.methods])


def step_cost(
    model: ModelCompute, tokens: StepTokens, recipe: Recipe, trained_share: float, cards: Cards
) -> StepCost:  # fmt: skip
    """Return what a step takes in which this share of the model's parameters, 0 to 1, is trained."""
    flops = model.training_step_flops(tokens, trained_share, checkpointing=recipe.gradient_checkpointing)
    passes = recipe.gradient_accumulation * (_CHECKPOINTED if recipe.gradient_checkpointing else 1.0)
    fast, slow = (
        max(flops / (share * cards.card.peak_flops * cards.number), passes * model.num_layers * layer)
        for share, layer in zip(reversed(cards.utilisation), LAYER_SECONDS, strict=True)
    )
    others = (cards.number - 1) / cards.number
    gathered = recipe.gradient_accumulation * _GATHERS * _DTYPE_BYTES[recipe.dtype]
    trained_bytes = 4 if recipe.trainable_dtype == "float32" else _DTYPE_BYTES[recipe.dtype]
    received = others * model.parameters * (gathered + trained_share * trained_bytes)
    least, most = (received / (share * cards.link_bytes_per_second) for share in reversed(LINK_SHARE))
    return StepCost(flops, between(fast, slow), received, between(max(fast, least), slow + most))


def answer_seconds(model: ModelCompute, answers: Answers) -> Span:
    """Return what it takes to write answers, however many cards hold the model: its layers compute one by one."""
    first, last = (answers.num_batches * model.num_layers * layer for layer in ANSWER_LAYER_SECONDS)
    return between(first * answers.least_tokens, last * answers.most_tokens)


def total(spans: Sequence[Span]) -> Span:
    """Return the sum of spans."""
    return Span(*(sum(values) for values in zip(*spans, strict=True))) if spans else Span(0.0, 0.0, 0.0)
