"""What a plan would take with another base model or card, from the operations of its steps."""

import pytest

from paretune.analysis.table.projection import LAYER_SECONDS, UTILISATION, Card, projected
from paretune.spec import InputError, Phase, PhaseReading, Recipe, Record, Trial
from paretune.spec.compute import ModelCompute, StepTokens
from tests.records import make_record

SMALL = ModelCompute(model="small", product_parameters=900, output_parameters=100, num_layers=2, attention_width=8)
LARGE = ModelCompute(model="large", product_parameters=9000, output_parameters=1000, num_layers=4, attention_width=40)
TOKENS = StepTokens(tokens=100, learned_tokens=100, length=0.0)
"""A length of nothing leaves attention out, so that operations are those of products."""


def tokens_of(_: Trial) -> StepTokens:
    return TOKENS


def record(*, tunes: bool = False, steps: tuple[float, ...] = (), **seconds: float) -> Record:
    phases = tuple(PhaseReading(phase=Phase(name), seconds=value) for name, value in seconds.items())
    made = make_record(phases=phases, step_seconds=steps, split="validation" if tunes else "test")
    return made.model_copy(update={"metrics": {"trainable_parameters": 0.0}})


def test_frozen_weights_need_four_operations_and_trained_ones_six() -> None:
    assert SMALL.training_step_flops(TOKENS, 0.0) == 4 * 100 * 1000
    assert SMALL.training_step_flops(TOKENS, 1.0) == 6 * 100 * 1000
    assert SMALL.training_step_flops(TOKENS, 0.0, checkpointing=True) == 4 * 100 * 1000 + 2 * 100 * 900
    assert SMALL.training_step_flops(TOKENS._replace(learned_tokens=10), 0.0) == 4 * (100 * 900 + 10 * 100)


def test_attention_is_twelve_by_layers_width_and_length() -> None:
    long = TOKENS._replace(length=50.0)
    attention = SMALL.training_step_flops(long, 0.5) - SMALL.training_step_flops(TOKENS, 0.5)
    assert attention == 12 * 2 * 8 * 50 * 100
    assert SMALL.forward_flops(50.0) == 2 * 1000 + 4 * 2 * 8 * 50


def test_on_the_same_device_a_trial_takes_as_much_longer_as_it_has_operations() -> None:
    records = [record(steps=(9, 9, 2, 2, 2), train=24, test=10, load=3), record(tunes=True, train=6)]
    found = projected(records, SMALL, LARGE, tokens_of)
    assert found.flops_ratio == 10
    assert found.reached_flops == (200_000, 200_000, 200_000)
    load = 3 * 10**0.5
    assert found.seconds.middle == pytest.approx(240 + 100 + 60 + load)
    assert (found.seconds.low, found.seconds.high) == (400 + 3, 400 + 30)
    assert found.tuning_seconds == (60, 60, 60)
    assert found.num_trials == 2


def test_the_range_is_that_of_the_speeds_of_steps() -> None:
    found = projected([record(steps=(9, 9, *range(1, 12)), train=10)], SMALL, SMALL, tokens_of)
    reached = found.reached_flops
    assert [reached.low, reached.middle] == pytest.approx([400_000 / 10, 400_000 / 6])
    assert list(found.seconds) == pytest.approx([10, 10 * reached.middle / reached.high, 10 * 10 / 6])


def test_on_a_card_a_step_takes_its_share_of_the_peak() -> None:
    card = Card("slow", peak_flops=1e6)
    found = projected([record(steps=(1, 1, 2), train=2, load=3)], SMALL, LARGE, tokens_of, card)
    flops = 4 * 100 * 10_000
    low, high = (flops / (share * 1e6) for share in reversed(UTILISATION))
    assert [found.seconds.low, found.seconds.high] == pytest.approx([low, high + 30])
    assert found.seconds.low < found.seconds.middle < found.seconds.high


def test_on_a_card_no_step_is_shorter_than_launching_its_kernels() -> None:
    recipe = Recipe(gradient_accumulation=2)
    made = record(steps=(1, 1, 2), train=2)
    made = made.model_copy(update={"trial": made.trial.model_copy(update={"recipe": recipe})})
    found = projected([made], SMALL, LARGE, tokens_of, Card("fast", peak_flops=1e15))
    assert [found.seconds.low, found.seconds.high] == pytest.approx([2 * 4 * one for one in LAYER_SECONDS])


@pytest.mark.parametrize(
    ("tokens", "peak", "parameters", "share", "measured"),
    [(840, 989e12, 3.21e9, 0.0, 0.104), (2048, 989e12, 3.21e9, 0.0, 0.104), (840, 362e12, 3.21e9, 0.0, 0.117),
     (840, 362e12, 3.21e9, 1.0, 0.363)],
)  # fmt: skip
def test_measured_steps_lie_within_the_range(
    tokens: int, peak: float, parameters: float, share: float, measured: float
) -> None:
    """LoRA r=32 on an H200, and published steps of LoRA and of full fine-tuning on an L40S."""
    model = ModelCompute(
        model="Llama-3.2-3B", product_parameters=int(parameters), output_parameters=0, num_layers=28,
        attention_width=3072,
    )  # fmt: skip
    made = record(steps=(1.0,), train=1.0)
    made = made.model_copy(update={"metrics": {"trainable_parameters": share * model.parameters}})
    step = StepTokens(tokens, tokens, tokens / 4)
    found = projected([made], model, model, lambda _: step, Card("card", peak))
    assert found.seconds.low <= measured <= found.seconds.high


def test_without_step_times_nothing_is_projected() -> None:
    with pytest.raises(InputError, match="no trial here has step times"):
        projected([record(train=3)], SMALL, LARGE, tokens_of)
