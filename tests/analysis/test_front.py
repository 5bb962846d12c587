import pytest

from paretune.analysis import Evidence, no_answers
from paretune.analysis.front import front_of
from paretune.spec import METRICS, InputError, OutOfMemory
from tests.records import make_record, make_records
from tests.studies import drawn_answers, evidence

ALL = Evidence(tuple(make_records()), no_answers)


def test_the_front_in_three_metrics_with_probabilities_and_volume() -> None:
    metrics = ("accuracy", "train_peak_bytes", "forgetting")
    reference = {"accuracy": 0.0, "train_peak_bytes": 3e9, "forgetting": 0.2}
    found = front_of(ALL, metrics, reference=reference)
    by_name = {point.name: point for point in found.points}
    assert {name for name, point in by_name.items() if point.on_front} == {
        "full", "lora", "dora", "oft", "ia3", "ln-tuning", "vera",
    }  # fmt: skip
    assert by_name["base"].probability == 0.0
    assert by_name["base"].values["train_peak_bytes"] is None
    assert by_name["base"].contribution == 0.0
    assert all(0 <= point.probability <= 1 for point in found.points)
    contributions = [point.contribution for point in found.points if point.contribution is not None]
    assert found.hypervolume is not None
    assert 0 < sum(contributions) <= found.hypervolume <= 1.0 * 3e9 * 0.2
    assert "boft" not in by_name


def test_seeds_make_a_clear_front_certain() -> None:
    found = front_of(evidence(drawn_answers({"full": 0.8, "lora": 0.4})), ("accuracy", "train_peak_bytes"))
    assert all(point.on_front and point.probability > 0.99 for point in found.points)
    assert found.hypervolume is None


def test_what_cannot_be_asked_is_refused() -> None:
    with pytest.raises(InputError, match="no metric"):
        front_of(ALL, ("accuracy", "speed"))
    with pytest.raises(InputError, match="reference point"):
        front_of(ALL, ("accuracy", "forgetting"), reference={"accuracy": 0.0})
    with pytest.raises(InputError, match="no method"):
        front_of(Evidence((make_record(outcome=OutOfMemory()),), no_answers), ("accuracy",))


def test_any_metric_of_the_table_can_be_asked_for() -> None:
    for metric in METRICS:
        found = front_of(ALL, (metric,))
        assert sum(point.on_front for point in found.points) <= len(found.points)
