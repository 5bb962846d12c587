"""Labels and numbers are scored as the definitions of their metrics say."""

import math
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import pearsonr, spearmanr

from paretune.spec import TaskCard
from paretune.tasks import ClassificationTask, HeadAnswer, Label, LabelledExample, Split
from paretune.tasks.label_metrics import NUM_BINS, calibration_error, macro_f1, micro_f1, pearson, spearman
from paretune.tasks.label_scoring import SCORINGS, Problem
from paretune.tasks.scoring import Scored, score_answers

LABELS = ("a", "b", "c")
SEVERAL = st.lists(st.sampled_from(LABELS), unique=True).map(tuple)
NUMBERS = st.floats(-100, 100).map(lambda value: round(value, 2))


class Given(ClassificationTask):
    """Examples that a test gives."""

    card = TaskCard(
        name="given", version="1", description="", source="", licence="", metrics=SCORINGS["single_label"].metrics
    )

    def __init__(self, problem: Problem, labels: Sequence[Label], train: Sequence[Label] = ("a",)) -> None:
        super().__init__()
        self.problem = problem
        self.labels = () if problem == "regression" else LABELS
        self.card = Given.card.model_copy(update={"metrics": SCORINGS[problem].metrics})  # type: ignore[misc]
        self._rows = {"test": labels, "train": train, "validation": ()}

    def examples(self, split: Split) -> Sequence[LabelledExample]:
        """Return a text for each label."""
        return [LabelledExample(str(number), f"text {number}", label) for number, label in enumerate(self._rows[split])]


def scored(problem: Problem, answers: Sequence[Any], labels: Sequence[Label]) -> Scored:
    task = Given(problem, labels)
    return score_answers(task, task.examples("test"), answers)


def test_one_label() -> None:
    answers = [HeadAnswer("a", (0.8, 0.1, 0.1)), HeadAnswer("b", (0.3, 0.6, 0.1)), HeadAnswer("a", (0.5, 0.25, 0.25))]
    found = scored("single_label", answers, ["a", "b", "b"])
    assert [item.text for item in found.items] == ["a", "b", "a"]
    assert found.metrics["accuracy"] == pytest.approx(2 / 3)
    assert found.metrics["log_loss"] == pytest.approx(-(math.log(0.8) + math.log(0.6) + math.log(0.25)) / 3)
    assert found.metrics["macro_f1"] == pytest.approx((2 / 3 + 2 / 3) / 2)
    assert found.metrics["calibration_error"] == pytest.approx((0.2 + 0.4 + 0.5) / 3)
    assert (
        found.metrics.keys() == found.standard_errors.keys() == {one.name for one in SCORINGS["single_label"].metrics}
    )
    for name, value in found.metrics.items():
        assert sum(item.scores[name] for item in found.items) / 3 == pytest.approx(value)


def test_a_label_that_is_certain_and_wrong_has_a_finite_loss() -> None:
    found = scored("single_label", [HeadAnswer("a", (1.0, 0.0, 0.0)), "a"], ["b", "b"])
    assert all(20 < item.scores["log_loss"] < 30 for item in found.items)


def test_several_labels() -> None:
    answers = [
        HeadAnswer(("a", "b"), (0.9, 0.6, 0.1)),
        HeadAnswer((), (0.1, 0.2, 0.3)),
        HeadAnswer(("c",), (0.1, 0.2, 0.7)),
    ]
    found = scored("several_labels", answers, [("a",), (), ("c", "b")])
    assert [item.text for item in found.items] == ["a, b", "", "c"]
    assert found.metrics["exact_match"] == pytest.approx(1 / 3)
    assert found.metrics["micro_f1"] == pytest.approx(2 * 2 / (3 + 3))
    assert found.metrics["macro_f1"] == pytest.approx((1 + 0 + 1) / 3)


def test_numbers() -> None:
    found = scored("regression", [HeadAnswer(value, (value,)) for value in (1.0, 2.0, 4.0)], [1.0, 3.0, 3.5])
    assert found.metrics["mean_squared_error"] == pytest.approx((0 + 1 + 0.25) / 3)
    assert found.metrics["mean_absolute_error"] == pytest.approx(0.5)
    assert found.metrics["pearson"] == pytest.approx(pearsonr([1, 2, 4], [1, 3, 3.5]).statistic)
    assert found.items[2].text == "4"
    assert found.items[2].target == "3.5"


@given(st.lists(st.tuples(NUMBERS, NUMBERS), min_size=3))
@settings(deadline=None)
def test_correlations_are_those_of_scipy_and_0_where_nothing_varies(read: list[tuple[float, float]]) -> None:
    given_, right = zip(*read, strict=True)
    if len(set(given_)) == 1 or len(set(right)) == 1:
        assert pearson(read) == spearman(read) == 0
        return
    assert pearson(read) == pytest.approx(pearsonr(given_, right).statistic, abs=1e-6)
    assert spearman(read) == pytest.approx(spearmanr(given_, right).statistic, abs=1e-9)


@given(st.lists(st.tuples(SEVERAL, SEVERAL), min_size=1))
@settings(deadline=None)
def test_f1_over_labels(read: list[tuple[tuple[str, ...], tuple[str, ...]]]) -> None:
    def f1(both: int, given_: int, right: int) -> float:
        return 2 * both / (given_ + right) if given_ + right else 0.0

    of_each = {
        label: (
            sum(label in one and label in other for one, other in read),
            sum(label in one for one, _ in read),
            sum(label in other for _, other in read),
        )
        for label in LABELS
    }
    there = [counts for counts in of_each.values() if counts[1] + counts[2]]
    assert macro_f1(read) == pytest.approx(sum(f1(*counts) for counts in there) / len(there) if there else 0)
    pairs = [(len({*one} & {*other}), len(one) + len(other)) for one, other in read]
    whole = [sum(counts[place] for counts in of_each.values()) for place in range(3)]
    assert micro_f1(pairs) == pytest.approx(f1(*whole))


@given(st.lists(st.tuples(st.floats(0.01, 1), st.booleans()), min_size=1))
@settings(deadline=None)
def test_the_calibration_error_is_the_weighted_gap_of_each_bin(read: list[tuple[float, bool]]) -> None:
    total = 0.0
    for number in range(NUM_BINS):
        inside = [one for one in read if number / NUM_BINS < one[0] <= (number + 1) / NUM_BINS]
        if inside:
            confidence, right = (sum(one[place] for one in inside) / len(inside) for place in range(2))
            total += len(inside) / len(read) * abs(right - confidence)
    assert calibration_error(read) == pytest.approx(total, abs=1e-9)


@pytest.mark.parametrize(
    ("problem", "train", "answer", "values"),
    [
        ("single_label", ["b", "b", "a", "c"], "b", (0.25, 0.5, 0.25)),
        ("several_labels", [("a", "b"), ("a",), (), ("c", "a")], "a", (0.75, 0.25, 0.25)),
        ("regression", [1.0, 2.0, 6.0], "3", (3.0,)),
    ],
)
def test_the_prior_is_what_the_training_data_says_without_the_texts(
    problem: Problem, train: list[Any], answer: str, values: tuple[float, ...]
) -> None:
    prior = Given(problem, [], train).prior
    assert prior == answer
    assert prior.values == pytest.approx(values)


def test_a_second_text_counts_for_the_content_and_none_leaves_it_as_it_was() -> None:
    class Two(Given):
        def examples(self, split: Split) -> Sequence[LabelledExample]:
            return [one._replace(second="more") for one in super().examples(split)]

    one, two = Given("single_label", ["a"]), Two("single_label", ["a"])
    assert one.content_hash != two.content_hash
    assert one.content_hash == Given("single_label", ["a"]).content_hash
