"""What planned trials take on one or several cards, from the operations of their steps."""

import pytest

from paretune.analysis.table.plan_cost import (
    ANSWER_LAYER_SECONDS,
    LINK_SHARE,
    Answers,
    Cards,
    answer_seconds,
    step_cost,
    total,
)
from paretune.analysis.table.projection import LAYER_SECONDS, UTILISATION, Card, Span, reached_flops
from paretune.spec import Phase, PhaseReading, Recipe
from paretune.spec.compute import ModelCompute, StepTokens
from tests.records import PROVENANCE, make_record

MODEL = ModelCompute(model="m", product_parameters=900, output_parameters=100, num_layers=2, attention_width=8)
TOKENS = StepTokens(tokens=100, learned_tokens=100, length=0.0)
BF16 = Recipe(dtype="bfloat16")
FLOPS = 4 * 100 * 1000
"""Of a step in which nothing but an adapter of no size is trained."""


def cards(number: int, *, peak: float = 1e3, link: float = 1e6) -> Cards:
    return Cards(Card("slow", peak), number, link, memory_bytes=1)


def test_several_cards_share_the_operations_of_a_step() -> None:
    one, four = (step_cost(MODEL, TOKENS, BF16, 0.0, cards(number)) for number in (1, 4))
    assert one.flops == four.flops == FLOPS
    assert (one.compute.low, one.compute.high) == pytest.approx([FLOPS / 1e3 / share for share in UTILISATION[::-1]])
    assert four.compute == pytest.approx(one.compute.times(0.25))
    assert (one.received_bytes, one.seconds) == (0, one.compute)


def test_a_step_takes_no_less_than_a_time_for_each_layer_and_forward_pass() -> None:
    fast = cards(8, peak=1e15)
    least = [2 * layer for layer in LAYER_SECONDS]
    found = step_cost(MODEL, TOKENS, BF16, 0.0, fast).compute
    assert [found.low, found.high] == pytest.approx(least)
    again = BF16.model_copy(update={"gradient_accumulation": 3, "gradient_checkpointing": True})
    assert step_cost(MODEL, TOKENS, again, 0.0, fast).compute == pytest.approx(found.times(4))


def test_each_card_receives_the_parameters_of_the_others_twice_and_trained_gradients_once() -> None:
    frozen = step_cost(MODEL, TOKENS, BF16, 0.0, cards(4))
    assert frozen.received_bytes == 0.75 * 1000 * 2 * 2
    trained = step_cost(MODEL, TOKENS, BF16, 1.0, cards(4))
    assert trained.received_bytes == 0.75 * 1000 * (2 * 2 + 4)
    slow = step_cost(MODEL, TOKENS, BF16, 0.0, cards(4, link=1.0))
    least, most = (3000 / share for share in reversed(LINK_SHARE))
    assert slow.seconds.low == pytest.approx(max(least, slow.compute.low))
    assert slow.seconds.high == pytest.approx(most + slow.compute.high)


def test_answers_take_a_time_for_each_token_and_layer_between_the_references_and_the_limit() -> None:
    found = answer_seconds(MODEL, Answers(num_batches=3, least_tokens=10, most_tokens=40))
    first, last = ANSWER_LAYER_SECONDS
    assert [found.low, found.high] == pytest.approx([3 * 10 * 2 * first, 3 * 40 * 2 * last])
    assert total([found, found]) == pytest.approx(found.times(2))
    assert total([]) == Span(0, 0, 0)


def test_the_speed_of_steps_is_that_of_each_device() -> None:
    phases = (PhaseReading(phase=Phase.TRAIN, seconds=24),)
    of_two = PROVENANCE.model_copy(update={"num_devices": 2})
    alone, sharded = (
        make_record(phases=phases, step_seconds=(9, 9, 2, 2, 2), provenance=where)
        for where in (PROVENANCE, of_two)
    )  # fmt: skip
    found, half = (reached_flops([record], MODEL, lambda _: TOKENS) for record in (alone, sharded))
    assert found == pytest.approx(half.times(2))
    assert found.middle == pytest.approx(MODEL.training_step_flops(TOKENS, 1.0) / 2)
