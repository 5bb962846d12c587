"""From answers to values: item by item, over a corpus, by groups."""

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from paretune.spec import METRICS, Direction, InputError, Metric, TaskCard, TaskSpec, Unit
from paretune.tasks import CorpusMetric, Example, Score, Split, Task
from paretune.tasks.jackknife import pseudo_values
from paretune.tasks.scoring import score_answers


def metric(name: str, **changes: Any) -> Metric:
    return Metric.model_validate({"name": name, "label": name, "definition": "Of tests."} | changes)


def macro_f1(readings: Sequence[tuple[str, str]]) -> float:
    labels = {label for pair in readings for label in pair}
    both = {label: sum(pair == (label, label) for pair in readings) for label in labels}
    each = {label: sum((said == label) + (right == label) for said, right in readings) for label in labels}
    return sum(2 * both[label] / each[label] for label in labels) / len(labels)


class Labels(Task):
    """Answers are labels."""

    card: ClassVar[TaskCard] = TaskCard(
        name="labels",
        version="1",
        description="Of tests.",
        source="tests",
        licence="none",
        metrics=(
            metric("macro_f1", unit=Unit.FRACTION, per="corpus"),
            METRICS["accuracy"],
            metric("length", direction=Direction.LOWER, low=0.0),
        ),
    )
    max_new_tokens = 3
    corpus_metrics = {"macro_f1": CorpusMetric(lambda text, example: (text.strip(), example.target), macro_f1)}

    def examples(self, split: Split) -> Sequence[Example]:
        labels = ["a", "b", "a", "c", "a", "b"]
        return [
            Example(f"{split}-{n}", f"{split} {n}", f" {one}", one, "even" if n % 2 == 0 else "odd")
            for n, one in enumerate(labels)
        ]

    def score(self, text: str, example: Example) -> dict[str, float]:
        return {"accuracy": float(text.strip() == example.target), "length": float(len(text))}


SAID = [" a", " a", " a", " c", " b", " b"]


def test_each_item_has_a_value_of_each_metric_and_their_mean_is_the_metric() -> None:
    task = Labels()
    examples = task.examples("test")
    found = score_answers(task, examples, SAID)
    readings = [(text.strip(), one.target) for text, one in zip(SAID, examples, strict=True)]
    assert found.metrics["macro_f1"] == pytest.approx(macro_f1(readings), abs=1e-15)
    assert found.metrics["accuracy"] == pytest.approx(4 / 6)
    assert found.metrics["length"] == 2.0
    for name, value in found.metrics.items():
        assert np.mean([item.scores[name] for item in found.items]) == pytest.approx(value)
    assert found.standard_errors["accuracy"] == pytest.approx((4 / 6 * 2 / 6 / 6) ** 0.5)
    assert found.standard_errors["length"] == 0.0
    assert found.standard_errors["macro_f1"] > 0.1


def test_a_group_s_corpus_metric_is_that_of_its_answers_alone() -> None:
    task = Labels()
    found = score_answers(task, task.examples("test"), SAID)
    assert found.groups["odd"]["macro_f1"] == pytest.approx(macro_f1([("a", "b"), ("c", "c"), ("b", "b")]))
    assert found.groups["even"] == pytest.approx(
        {"macro_f1": macro_f1([("a", "a"), ("a", "a"), ("b", "a")]), "accuracy": 2 / 3, "length": 2.0, "num_items": 3.0}
    )


def test_what_the_card_does_not_declare_is_an_error() -> None:
    class Undeclared(Labels):
        def score(self, text: str, example: Example) -> dict[str, float]:
            return {"f2": 1.0, "macro_f1": 0.5}

    task = Undeclared()
    with pytest.raises(ValueError, match='task "labels": score gives f2, macro_f1, which its card does not declare'):
        score_answers(task, task.examples("test"), SAID)


def test_a_task_that_returns_a_score_and_names_its_main_metric_works_as_before() -> None:
    old = {"name": "old", "version": "1", "description": "", "source": "", "licence": "", "main_metric": "accuracy"}

    class Earlier(Labels):
        card: ClassVar[TaskCard] = TaskCard.model_validate(old)
        corpus_metrics = {}

        def score(self, text: str, example: Example) -> Score:
            return Score(text.strip() == example.target, True)

    assert Earlier.card.main_metric == METRICS["accuracy"]
    task = Earlier()
    found = score_answers(task, task.examples("test"), SAID)
    assert found.metrics == {"accuracy": pytest.approx(4 / 6), "accuracy_lenient": 1.0}


@given(st.lists(st.floats(-100, 100), min_size=1, max_size=30))
def test_the_shares_of_a_mean_are_its_values(values: list[float]) -> None:
    shares = pseudo_values(values, lambda some: sum(some) / len(some))
    assert shares == pytest.approx(values, abs=1e-9)


@given(st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from("abc")), min_size=1, max_size=40))
def test_the_mean_of_the_shares_is_the_metric(readings: list[tuple[str, str]]) -> None:
    shares = pseudo_values(readings, macro_f1)
    assert float(np.mean(shares)) == pytest.approx(macro_f1(readings), abs=1e-12)
    again = pseudo_values(readings[::-1], macro_f1)
    assert again == pytest.approx(shares[::-1])


def test_readings_that_repeat_are_left_out_once() -> None:
    calls = []

    def value(some: Sequence[str]) -> float:
        calls.append(len(some))
        return some.count("a") / len(some)

    pseudo_values(["a", "b"] * 50, value)
    assert calls == [100, 99, 99]


def test_metrics_travel_with_a_task_and_are_no_part_of_its_identity() -> None:
    spec = Labels().spec()
    assert [one.name for one in spec.metrics] == ["macro_f1", "accuracy", "length"]
    again = TaskSpec.model_validate_json(spec.model_dump_json())
    assert again == spec
    assert again.identity == spec.model_copy(update={"metrics": ()}).identity


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"name": "Macro F1"}, "should match pattern"),
        ({"unit": Unit.FRACTION, "high": 100.0}, "a fraction has low = 0 and high = 1"),
        ({"low": 1.0, "high": 0.0}, "low = 1 must lie below high = 0"),
        ({"low": float("inf")}, "finite"),
    ],
)
def test_a_metric_that_makes_no_sense_is_refused(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(InputError, match=words):
        Metric.read({"name": "one", "label": "One", "definition": "Of tests."} | changes, "here")


@pytest.mark.parametrize(
    ("metrics", "words"),
    [
        ((), "at least 1 item"),
        ((metric("f1"), metric("f1")), '"f1" is declared twice'),
        ((metric("train_seconds"),), "Paretune's own, in seconds, of which lower is better: give yours another name"),
    ],
)
def test_a_card_whose_metrics_cannot_be_told_apart_is_refused(metrics: tuple[Metric, ...], words: str) -> None:
    rest = {"name": "x", "version": "1", "description": "", "source": "", "licence": ""}
    with pytest.raises(InputError, match=words):
        TaskCard.read(rest | {"metrics": metrics}, "here")


def test_words_of_a_metric_keep_the_capitals_of_names() -> None:
    labels = {
        "Macro F1": "macro F1",
        "BLEU": "BLEU",
        "F1": "F1",
        "chrF": "chrF",
        "Accuracy (lenient)": "accuracy (lenient)",
    }
    assert {label: metric("x", label=label).words for label in labels} == labels
