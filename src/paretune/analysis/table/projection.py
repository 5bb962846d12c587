"""What the trials of a study would take with another base model, or on another card.

On the same device: the time of each trial's training, times the ratio of the floating-point operations of a step there
and here. On another card a step takes its operations at a share of the card's peak, but no less than a time for each
layer, since launching its kernels takes that long however few tokens there are. Both ranges are those of measured
steps (decision 43). What is not training but runs the model is taken to scale as training does, by the operations of
the forward pass. Loading, attaching and saving take at most as much longer as the model has parameters; on the same
device no less than here, with another card's processor and disk perhaps next to nothing.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from statistics import median, quantiles
from typing import Any, NamedTuple

from paretune.spec import InputError, Phase, Record, Trial
from paretune.spec.compute import ModelCompute, StepTokens

UTILISATION = (0.10, 0.30)
"""Share of a card's peak that steps reached: of an H200 10% with 840 tokens and 26% with 2,048, and 31% in the matrix
products of a step alone; of an L40S with 840 tokens a median of 22% (5 to 29%) in 63 published methods."""
LAYER_SECONDS = (0.0027, 0.0037)
"""Least time of a step for each layer: of a step of 28 layers on the H200 kernels ran for 76 ms, and it took 104."""

_AT_MOST_BY_PARAMETERS = {Phase.LOAD, Phase.RELOAD, Phase.PREPARE, Phase.SAVE}
_WARM_UP_STEPS = 2
"""First steps that warm caches and allocators up."""


class Card(NamedTuple):
    """A GPU to project to."""

    name: str
    peak_flops: float
    """Operations per second, of dense products in bfloat16."""


class Span(NamedTuple):
    """A value, and the range that it is expected in."""

    middle: float
    low: float
    high: float

    def times(self, factor: float) -> "Span":
        """Return the span in another unit."""
        return Span(*(factor * one for one in self))


class Projection(NamedTuple):
    """What trials would take, in seconds, those that ran side by side counted each."""

    num_trials: int
    seconds: Span
    tuning_seconds: Span
    """Of which tuning trials take so much."""
    reached_flops: Span
    """Operations per second that this study's steps reached: their median, and between which 80% of steps lie."""
    flops_ratio: float
    """Operations of this study's trainings there, divided by those here."""


class _Trained(NamedTuple):
    """The operations of a trial's steps."""

    here: float
    there: float
    tokens: StepTokens
    is_checkpointed: bool
    accumulated: int


def projected(
    records: Iterable[Record],
    here: ModelCompute,
    there: ModelCompute,
    tokens_of: Callable[[Trial], StepTokens],
    card: Card | None = None,
) -> Projection:
    """Return what the trials of these records would take with the base model `there`, on a card or on the same device.

    `tokens_of` counts the tokens of a trial's optimizer steps. Tokenizers are taken to make as many tokens of a text.
    Raises `InputError` where no record holds times of its steps.
    """
    timed = [record for record in records if record.phases]
    work = {record.trial_id: _trained(record, here, there, tokens_of) for record in timed if record.trial.method.trains}
    reached = _reached(timed, {trial_id: one.here for trial_id, one in work.items()})
    slower = _slower(reached, list(work.values()), there, card)
    final, tuning = _Sums(), _Sums()
    for record in timed:
        sums = tuning if record.trial.tunes else final
        sums.add(record, work.get(record.trial_id), here, there, slower, elsewhere=card is not None)
    seconds = Span(*map(sum, zip(final.span, tuning.span, strict=True)))
    trained = [one for record in timed for one in [work.get(record.trial_id)] if one is not None]
    ratio = sum(one.there for one in trained) / sum(one.here for one in trained)
    return Projection(len(timed), seconds, tuning.span, reached, ratio)


def reached_flops(
    records: Iterable[Record], here: ModelCompute, tokens_of: Callable[[Trial], StepTokens]
) -> Span:  # fmt: skip
    """Return the operations per second that steps of these records reached on each device, as `projected` does."""
    timed = [record for record in records if record.phases and record.trial.method.trains and record.step_seconds]
    num_devices = {one.trial_id: one.provenance.num_devices if one.provenance else 1 for one in timed}
    flops = {one.trial_id: _trained(one, here, here, tokens_of).here / num_devices[one.trial_id] for one in timed}
    return _reached(timed, flops)


def _reached(records: Sequence[Record], flops: Mapping[str, float]) -> Span:
    speeds = [flops[record.trial_id] / seconds for record in records for seconds in _settled(record) if seconds > 0]
    if not speeds:
        raise InputError("no trial here has step times, from which another model's or card's could be projected")
    return _span(speeds)


def _settled(record: Record) -> tuple[float, ...]:
    """Return the seconds of the steps that a trial itself ran, without its first ones where there are more."""
    own = record.step_seconds[record.resumed_at :]
    return own[_WARM_UP_STEPS:] or own


class _Sums:
    """Seconds of trials that are added up."""

    def __init__(self) -> None:
        self.span = Span(0.0, 0.0, 0.0)

    def add(
        self,
        record: Record,
        work: _Trained | None,
        here: ModelCompute,
        there: ModelCompute,
        slower: Span,
        *,
        elsewhere: bool,
    ) -> None:
        """Add what a trial would take. `slower` is how many times longer an operation takes there."""
        length = 0.0 if work is None else work.tokens.length
        forward = there.forward_flops(length) / here.forward_flops(length)
        training = forward if work is None else work.there / work.here
        for reading in record.phases:
            if reading.phase in _AT_MOST_BY_PARAMETERS:
                each = between(reading.seconds, reading.seconds * there.parameters / here.parameters)
                each = each._replace(low=0.0) if elsewhere else each
            else:
                seconds = reading.seconds * (training if reading.phase is Phase.TRAIN else forward)
                if reading.phase is Phase.TRAIN and elsewhere and not record.trial.tunes:
                    seconds += training * sum(record.step_seconds[: record.resumed_at])  # taken over on no accelerator
                each = slower.times(seconds)
            self.span = Span(*map(sum, zip(self.span, each, strict=True)))


def _trained(
    record: Record, here: ModelCompute, there: ModelCompute, tokens_of: Callable[[Trial], StepTokens]
) -> _Trained:
    tokens, recipe = tokens_of(record.trial), record.trial.recipe
    share = min(1.0, record.metrics.get("trainable_parameters", 0.0) / here.parameters)
    settings: dict[str, Any] = {"trained_share": share, "checkpointing": recipe.gradient_checkpointing}
    return _Trained(
        here.training_step_flops(tokens, **settings),
        there.training_step_flops(tokens, **settings),
        tokens,
        recipe.gradient_checkpointing,
        recipe.gradient_accumulation,
    )


def _slower(reached: Span, work: Sequence[_Trained], there: ModelCompute, card: Card | None) -> Span:
    """Return how many times longer an operation takes there than here: middle, least and most."""
    if card is None:
        return Span(1.0, reached.middle / reached.high, reached.middle / reached.low)
    flops = median(one.there for one in work)
    passes = median(one.accumulated * (4 / 3 if one.is_checkpointed else 1) for one in work)
    fast, slow = (
        max(flops / (share * card.peak_flops), passes * there.num_layers * layer)
        for share, layer in zip(reversed(UTILISATION), LAYER_SECONDS, strict=True)
    )
    return between(*(reached.middle * seconds / flops for seconds in (fast, slow)))


def between(one: float, other: float) -> Span:
    """Return the span between two values, with their geometric mean."""
    return Span((one * other) ** 0.5, min(one, other), max(one, other))


def _span(values: Sequence[float]) -> Span:
    """Return the median, and the values between which 80% lie."""
    if len(values) == 1:
        return Span(values[0], values[0], values[0])
    deciles = quantiles(values, n=10, method="inclusive")
    return Span(median(values), deciles[0], deciles[-1])
