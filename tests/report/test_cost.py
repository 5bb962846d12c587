"""What a study took, by stage and purpose, and what that cost."""

import pytest

from paretune.analysis.table.projection import Card, Projection, Span
from paretune.analysis.table.study_cost import study_cost
from paretune.report.cost import cost_json, cost_line, parse_price, projection_json, projection_lines
from paretune.spec import DIFFUSION, InputError, OutOfMemory, Phase, PhaseReading, Record, TaskSpec
from tests.records import make_record


def record(label: str = "lora", tunes: bool = False, **seconds: float) -> Record:
    phases = tuple(PhaseReading(phase=Phase(name), seconds=value) for name, value in seconds.items())
    return make_record(label, phases=phases, split="validation" if tunes else "test")


def test_seconds_are_summed_by_stage_and_purpose() -> None:
    records = [
        record(load=10, train=1000, test=900, reload=20, retain=30),
        record("oft", tunes=True, load=10, train=2000),
        make_record("dora", phases=(PhaseReading(phase=Phase.TRAIN, seconds=30),), outcome=OutOfMemory(message="x")),
    ]
    cost = study_cost(records)
    assert cost is not None
    assert (cost.num_trials, cost.seconds) == (3, 4000)
    assert cost.by_stage == {"final trials": 1990, "tuning": 2010}
    assert list(cost.by_purpose.items()) == [
        ("training", 3030), ("test evaluation", 900), ("model loading", 40), ("evaluation of forgetting", 30)
    ]  # fmt: skip
    assert cost_line(records, 2.5) == (
        "3 trials took 1:06:40 (h:mm:ss), summed over trials: training 76%, test evaluation 22%, model loading 1%; "
        "final trials 50%, tuning 50%. At 2.5 per hour: 2.78"
    )
    assert cost_json(records, 3.6)["cost"]["price"] == pytest.approx(4.0)


def test_an_image_model_s_retention_is_drift() -> None:
    task = TaskSpec(name="image_concept", version="1", content_hash="0123456789abcdef", kind=DIFFUSION)
    image = make_record(task=task, drifts=(0.1,), phases=(PhaseReading(phase=Phase.RETAIN, seconds=5),))
    cost = study_cost([image, record(retain=4)])
    assert cost is not None
    assert cost.by_purpose == {"evaluation of drift": 5, "evaluation of forgetting": 4}


def test_imported_records_say_nothing() -> None:
    assert cost_line([make_record()]) is None
    assert cost_json([make_record()], 1.0) == {}


@pytest.mark.parametrize("text", ["2.5", "2.5/min", "x/h", "-1/h", ""])
def test_what_is_no_price_is_refused(text: str) -> None:
    with pytest.raises(InputError, match=r'--price: ".*" is no price per hour; write for example 2.5/h'):
        parse_price(text)


def test_a_price_per_hour_is_read() -> None:
    assert [parse_price(text) for text in ("2.5/h", " 3 / h")] == [2.5, 3.0]


PROJECTED = Projection(
    num_trials=5,
    seconds=Span(32_400, 25_200, 43_200),
    tuning_seconds=Span(7200, 7000, 7400),
    reached_flops=Span(49e9, 30e9, 69e9),
    flops_ratio=24.7,
)


def test_a_projection_is_a_range_and_says_what_it_rests_on() -> None:
    line, why = projection_lines(PROJECTED, "meta-llama/Llama-3.2-3B", Card("h100", 989e12), 2.5)
    assert line == (
        "The same plan on Llama-3.2-3B with one H100: about 9 h (7 to 12), 2 of them tuning; "
        "about 22 (18 to 30) at 2.50 an hour"
    )
    assert "25 times the operations" in why
    assert "steps here reached 49 GFLOP/s (80% of steps 30 to 69);" in why
    assert "10% to 30% of its peak, 989 TFLOP/s" in why
    same = PROJECTED._replace(flops_ratio=1.0, tuning_seconds=Span(0, 0, 0), seconds=Span(600, 500, 720))
    assert projection_lines(same, "a/b", Card("l4", 1e14))[0] == "The same plan with one L4: about 10 min (8.3 to 12)"
    assert " on b on the same device: about 9 h " in projection_lines(PROJECTED, "a/b", None)[0]


def test_a_projection_for_machines_has_all_of_it() -> None:
    found = projection_json(PROJECTED, "a/b", Card("h100", 989e12), 3.6)["projection"]
    assert found["seconds"] == {"middle": 32_400, "low": 25_200, "high": 43_200}
    assert found["price"] == {"middle": pytest.approx(32.4), "low": pytest.approx(25.2), "high": pytest.approx(43.2)}
    assert (found["utilisation"], found["peak_flops_per_second"]) == ((0.10, 0.30), 989e12)
    assert "gpu" in found
    assert projection_json(PROJECTED, "a/b", None)["projection"]["gpu"] is None
