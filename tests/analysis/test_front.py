import pytest

from paretune.analysis import Evidence, judged_rows, no_answers
from paretune.analysis.decisions.front import front_of
from paretune.analysis.decisions.recommend import recommend_from
from paretune.analysis.decisions.requirements import parse_limit
from paretune.report import results_json
from paretune.report.decisions import recommendation_lines
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


POOR = {"full": 0.6, "lora": 0.4, "ia3": 0.02, "base": 0.05}


def test_what_is_not_above_the_untouched_base_is_left_out_of_the_front_and_said() -> None:
    found = front_of(evidence(drawn_answers(POOR)), ("accuracy", "train_peak_bytes"))
    points = {point.name: point for point in found.points}
    assert (points["ia3"].on_front, points["ia3"].probability, points["ia3"].left_out) == (False, 0.0, True)
    assert points["lora"].on_front
    assert not points["base"].left_out
    assert "accuracy is not above that of the base model: ia3." in " ".join(found.notes)
    all_in = front_of(evidence(drawn_answers(POOR)), ("accuracy", "train_peak_bytes"), floor={})
    assert next(point for point in all_in.points if point.name == "ia3").on_front
    strict = front_of(evidence(drawn_answers(POOR)), ("accuracy", "train_peak_bytes"), floor={"accuracy": 0.5})
    assert {point.name for point in strict.points if not point.left_out} == {"full"}
    assert "accuracy is below the minimum" in " ".join(strict.notes)


def test_the_table_s_fronts_leave_out_the_same() -> None:
    whole = evidence(drawn_answers(POOR))
    rows = {row.method: row for row in judged_rows(whole.records, whole.answers)}
    assert rows["ia3"].fronts == frozenset()
    assert rows["ia3"].standing is not None
    assert rows["ia3"].standing.front_probabilities == {}
    assert "train_peak_bytes" in rows["lora"].fronts
    rows = {row.method: row for row in judged_rows(whole.records, whole.answers, floor={"accuracy": 0.5})}
    assert [name for name, row in rows.items() if row.fronts] == ["full"]
    notes = results_json(whole.records, whole.answers)["notes"]
    assert any("Left out of the Pareto front" in note and note.endswith("base model: ia3.") for note in notes)


def test_recommend_leaves_out_the_same_unless_told_what_is_good_enough() -> None:
    whole = evidence(drawn_answers(POOR))
    found = recommend_from(whole)
    assert [one.name for one in found.ruled_out] == ["ia3"]
    assert "not above that of the base model" in " ".join(recommendation_lines(found))
    assert "ia3" not in recommend_from(whole, weights={"train_peak_bytes": 1.0}).admissible
    told = recommend_from(whole, limits=[parse_limit("accuracy>=1%", "limits")])
    assert "ia3" in told.admissible
