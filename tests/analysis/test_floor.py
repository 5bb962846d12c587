"""What does not beat a baseline is left out of the fronts, and named."""

from paretune.analysis import judged_rows, no_answers
from paretune.analysis.decisions.recommend import recommend_from
from paretune.analysis.table.floor import baselines, floor_notes
from paretune.report.decisions import recommendation_lines
from paretune.spec import MethodSpec, Record
from tests.records import make_record
from tests.studies import drawn_answers, evidence

TFIDF = MethodSpec(name="tfidf", label="tfidf", implementation="tfidf")


def records(values: dict[str, float]) -> list[Record]:
    """Return a record for each method, "tfidf" among them, with this accuracy."""
    changes = {"tfidf": {"method": TFIDF, "learning_rate": None}}
    return [make_record(name, metrics={"accuracy": value}, **changes.get(name, {})) for name, value in values.items()]


def test_what_loses_to_a_baseline_is_left_out_of_the_front_and_named() -> None:
    rows = judged_rows(records({"base": 0.4, "tfidf": 0.6, "lora": 0.7, "ia3": 0.5, "oft": 0.3}), no_answers)
    assert [(one.name, one.value) for one in baselines(rows)] == [("the base model", 0.4), ("tfidf", 0.6)]
    assert {row.method for row in rows if row.below_floor} == {"ia3", "oft"}
    assert floor_notes(rows) == [
        "Left out of the Pareto front, since accuracy is not above that of the base model: oft.",
        "Left out of the Pareto front, since accuracy is not above that of tfidf: ia3, oft.",
    ]


def test_a_baseline_without_the_base_model_is_enough() -> None:
    rows = judged_rows(records({"tfidf": 0.6, "lora": 0.5}), no_answers)
    assert [row.method for row in rows if row.below_floor] == ["lora"]


def test_no_method_is_recommended_that_loses_to_a_baseline() -> None:
    method = {"method": TFIDF, "learning_rate": None}
    found = evidence(drawn_answers({"tfidf": 0.6, "lora": 0.8, "ia3": 0.3}), tfidf=method)
    text = "\n".join(recommendation_lines(recommend_from(found)))
    assert "not above that of tfidf" in text
    assert "that of the base model" not in text
    assert text.index("lora") < text.index("ia3: ")
