"""Texts with labels are read as one label, several or numbers, and what cannot be learnt from is one line."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from paretune.engine.heads import head_reading
from paretune.kinds.classifier import check_labels
from paretune.spec import InputError, LabelReport
from paretune.tasks import ClassificationTask, get_any_task
from paretune.tasks.data.wanted import SPLITS
from paretune.tasks.label_forms import guessed_problem, in_order, read_label
from paretune.tasks.label_scoring import Problem
from paretune.tasks.own_data import OwnData


def written(folder: Path, rows: Sequence[Mapping[str, Any]]) -> str:
    path = folder / "data.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    return str(path)


def task_of(path: str, **options: Any) -> ClassificationTask:
    task = get_any_task("own_labels", {"path": path, **options})
    assert isinstance(task, ClassificationTask)
    return task


def report_of(task: ClassificationTask) -> LabelReport:
    assert task.rows is not None
    assert task.rows.labelled is not None
    return task.rows.labelled


@pytest.mark.parametrize(
    ("labels", "problem"),
    [
        (["yes", "no"], "single_label"),
        (["1", "2", "10"], "single_label"),
        (["0.5", "1", "2"], "regression"),
        ([str(number) for number in range(21)], "regression"),
        (["1", "nan"], "single_label"),
        (['["a", "b"]', "[]"], "several_labels"),
        (["[not json", "b"], "single_label"),
    ],
)
def test_what_labels_look_like(labels: list[str], problem: Problem) -> None:
    assert guessed_problem(labels, None) == problem
    assert guessed_problem(labels, ";") == "several_labels"


@given(st.lists(st.text(), max_size=4))
def test_several_labels_are_the_same_from_a_list_and_between_separators(labels: list[str]) -> None:
    plain = [label.replace("|", "").strip() for label in labels]
    expected = tuple(sorted({label for label in plain if label}))
    assert read_label(json.dumps(plain), "several_labels", None) == expected
    if expected and not (plain[0].startswith("[")):
        assert read_label(" | ".join(plain), "several_labels", "|") == expected


def test_labels_are_in_an_order_that_does_not_depend_on_the_rows() -> None:
    assert in_order(["10", "9", "9"]) == ("9", "10")
    assert in_order(["b", "10", "a"]) == ("10", "a", "b")


@pytest.mark.parametrize(
    ("label", "problem", "metric"),
    [
        (lambda number: "even" if number % 2 == 0 else "odd", "single_label", "accuracy"),
        (
            lambda number: [name for name, by in (("two", 2), ("three", 3)) if number % by == 0],
            "several_labels",
            "micro_f1",
        ),
        (lambda number: number / 7, "regression", "mean_squared_error"),
    ],
)
def test_every_problem_is_a_task_whose_references_can_be_given(
    tmp_path: Path, label: Any, problem: Problem, metric: str
) -> None:
    path = written(tmp_path, [{"text": f"text {number}", "label": label(number)} for number in range(80)])
    task = task_of(path)
    spec = task.spec()
    assert (task.problem, spec.metrics[0].name, spec.kind) == (problem, metric, "classifier")
    reading = head_reading(task)
    for split in SPLITS:
        check_labels(task, split)
        for one in task.examples(split):
            target = reading.tensor([reading.target(one.label)]).float()
            logits = target.reshape(1, -1) if problem == "regression" else 20 * _signs(reading, one.label)
            (answer,) = reading.answers(logits)
            scores = task.score(answer, one)
            main = scores.get("accuracy", scores.get("exact_match", 1 - scores.get("mean_squared_error", 0)))
            assert main == pytest.approx(1, abs=1e-6)
    assert report_of(task).guessed == (problem == "regression")
    again = task_of(path)
    assert again.content_hash == spec.content_hash
    assert all(list(again.examples(split)) == list(task.examples(split)) for split in SPLITS)


def _signs(reading: Any, label: Any) -> Any:
    import torch

    target = reading.target(label)
    ones = torch.tensor(target) if isinstance(target, list) else torch.eye(reading.num_outputs)[target]
    return (2 * ones - 1).reshape(1, -1)


def test_numbers_can_be_classes_and_whole_numbers_quantities(tmp_path: Path) -> None:
    path = written(tmp_path, [{"text": f"text {number}", "stars": number % 5 + 1} for number in range(80)])
    assert (task_of(path, label="stars").labels, report_of(task_of(path, label="stars")).guessed) == (
        ("1", "2", "3", "4", "5"),
        True,
    )
    numbers = task_of(path, label="stars", problem="regression")
    assert {one.label for one in numbers.examples("train")} == {1.0, 2.0, 3.0, 4.0, 5.0}
    assert numbers.labels == ()
    assert not report_of(numbers).guessed


def test_two_texts_stay_two_and_both_decide_the_split(tmp_path: Path) -> None:
    rows = [{"premise": "Same.", "hypothesis": f"Other {n}", "label": n % 3} for n in range(90)]
    task = task_of(written(tmp_path, rows))
    first = task.examples("train")[0]
    assert (first.text, first.second) == ("Same.", f"Other {int(first.id.split()[1]) - 1}")
    assert first.prompt == f"Same.\n\n{first.second}"
    assert sum(len(task.examples(split)) for split in SPLITS) == 90
    assert all(len(task.examples(split)) for split in SPLITS)


@given(st.lists(st.sampled_from(["a", "b", "c"]), min_size=60, max_size=60))
@settings(max_examples=15, deadline=None)
def test_rows_that_are_appended_move_no_text(tmp_path_factory: pytest.TempPathFactory, labels: list[str]) -> None:
    if len(set(labels)) < 2:
        return
    folder = tmp_path_factory.mktemp("rows")
    rows = [{"text": f"text {number}", "label": label} for number, label in enumerate(labels)]
    before = _sides(written(folder, rows))
    after = _sides(written(folder, [*rows, *({"text": f"later {n}", "label": "a"} for n in range(30))]))
    assert before == {name: side for name, side in after.items() if name in before}


def _sides(path: str) -> dict[str, str]:
    task = task_of(path)
    return {one.text: split for split in SPLITS for one in task.examples(split)}


def test_no_group_is_in_two_splits(tmp_path: Path) -> None:
    rows = [{"text": f"text {n}", "label": n % 2, "who": n % 12} for n in range(120)]
    task = task_of(written(tmp_path, rows), group="who")
    groups = {split: {one.cluster for one in task.examples(split)} for split in SPLITS}
    assert not groups["train"] & (groups["test"] | groups["validation"])


def test_the_report_counts_what_cannot_be_learnt(tmp_path: Path) -> None:
    rows = [{"text": f"text {n}", "label": "ab"[n % 2], "split": "train"} for n in range(20)]
    rows += [{"text": "text 0", "label": "b", "split": "train"}]
    rows += [{"text": f"test {n}", "label": "abc"[n % 3], "split": "test"} for n in range(9)]
    task = task_of(written(tmp_path, rows))
    found = report_of(task)
    assert (found.num_unseen, found.unseen) == ({"test": 3}, ("c",))
    assert (found.num_contradictions, found.contradictions) == (1, ("row 1", "row 21"))
    assert task.labels == ("a", "b", "c")


def _texts(label: Any, number: int = 60) -> list[dict[str, Any]]:
    return [{"text": f"text {n}", "label": label(n)} for n in range(number)]


@pytest.mark.parametrize(
    ("rows", "options", "words"),
    [
        (_texts(lambda _: "same"), {}, 'every row has "same"'),
        (_texts(lambda _: 3), {"problem": "regression"}, 'every row has "3.0"'),
        (_texts(lambda n: f"x{n}"), {}, "60 different labels in 60 rows; .*--label.*problem=regression"),
        (_texts(lambda n: "ab"[n % 2]), {"problem": "regression"}, '"[ab]" is no number'),
        (_texts(lambda n: "ab"[n % 2]), {"problem": "numbers"}, "option problem must be one of single_label"),
        (_texts(lambda n: "ab"[n % 2]), {"text": "a,b,c"}, 'no column "a"'),
        ([{"body": "x", "value": 1}], {}, "name the column of the labels with --label"),
        ([{"thing": "x", "label": 1}], {}, "name the column of the texts with --text"),
        (
            [
                {"text": f"{split} {n}", "label": f"{split}{n % 2}", "split": split}
                for split in SPLITS
                for n in range(9)
            ],
            {},
            "no label of the test data is in the training data",
        ),
    ],
)
def test_labels_from_which_nothing_can_be_learnt_are_one_line(
    tmp_path: Path, rows: list[dict[str, Any]], options: dict[str, Any], words: str
) -> None:
    with pytest.raises(InputError, match=words) as caught:
        task_of(written(tmp_path, rows), **options).spec()
    assert "\n" not in str(caught.value)


def test_each_of_several_labels_is_counted(tmp_path: Path) -> None:
    rows = [{"text": f"text {n}", "labels": [["a", "b"], ["b"], []][n % 3]} for n in range(60)]
    found = task_of(written(tmp_path, rows)).rows
    assert found is not None
    assert found.labels == {"b": 40, "a": 20}


def test_contradictions_of_labels_written_as_text_are_noted(tmp_path: Path) -> None:
    rows = [{"text": f"text {n}", "label": "ab"[n % 2]} for n in range(60)]
    path = written(tmp_path, [*rows, {"text": "text 3", "label": "a"}])
    found = OwnData({"path": path}).rows
    assert found.notes == ("1 text is there with different labels (row 4, row 61)",)
