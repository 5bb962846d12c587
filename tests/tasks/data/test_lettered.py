"""Questions with listed answers, of which a column names the right one."""

import json
from pathlib import Path
from typing import Any

import pytest

from paretune.spec import InputError
from paretune.tasks import Example
from paretune.tasks.data.wanted import SPLITS
from paretune.tasks.own_data import OwnData

OPTIONS = ["Lima", "Quito", "La Paz"]
QUESTION = "Capital of Peru {n}?"
SHOWN = "Capital of Peru 0?\nA. Lima\nB. Quito\nC. La Paz\nAnswer:"


def task_of(folder: Path, rows: list[Any], **options: Any) -> OwnData:
    path = folder / "data.jsonl"
    lines = (json.dumps(rows[n % len(rows)]).replace("{n}", str(n)) for n in range(60))
    path.write_text("".join(f"{line}\n" for line in lines), "utf-8")
    task = OwnData({"path": str(path), **options})
    task.fit_options()
    return task


def first_of(task: OwnData, number: int = 1) -> Example:
    (found,) = (one for split in SPLITS for one in task.examples(split) if one.id == f"row {number}")
    return found


def row(answer: Any, name: str = "answer", options: Any = OPTIONS) -> dict[str, Any]:
    return {"question": QUESTION, "choices": options, name: answer}


@pytest.mark.parametrize(
    ("rows", "letter"),
    [
        ([row(1), row(0)], "B"),
        ([row("1"), row("2")], "B"),
        ([row(1.0), row(0.0)], "B"),
        ([row("b"), row("(C)")], "B"),
        ([row("B."), row("A")], "B"),
        ([row(2), row(3)], "B"),  # no 0, and a 3 where there are three: counted from 1
        ([row("B", "answerKey", {"text": OPTIONS, "label": ["A", "B", "C"]})], "B"),
        ([row("2", "answerKey", {"text": OPTIONS, "label": ["1", "2", "3"]})], "B"),
        ([row("y", "label", [{"label": key, "text": text} for key, text in zip("xyz", OPTIONS, strict=True)])], "B"),
        ([row(1, options=json.dumps(OPTIONS))], "B"),
        ([{"ctx": QUESTION, "endings": OPTIONS, "label": "1"}], "B"),
        ([{"question": {"stem": QUESTION, "choices": OPTIONS}, "answerKey": "B"}], "B"),
    ],
)
def test_the_right_answer_is_named_in_many_ways(tmp_path: Path, rows: list[Any], letter: str) -> None:
    task = task_of(tmp_path, rows)
    example = first_of(task)
    assert (example.prompt, example.completion, example.target) == (SHOWN, f" {letter}", letter)
    assert example.choices == ("A", "B", "C")
    assert [metric.name for metric in task.card.metrics] == ["choice"]
    assert task.generates is False
    assert "answers to choose from" in task.rows.form
    assert all(task.why_no_reference(one) is None for split in SPLITS for one in task.examples(split))


def test_a_context_stands_before_the_question(tmp_path: Path) -> None:
    example = first_of(task_of(tmp_path, [{"article": "Long ago.", **row("C")}]))
    assert example.prompt == f"Long ago.\n\n{SHOWN}"


@pytest.mark.parametrize(
    "value",
    [
        row("Quito"),  # the text of an answer: a prompt and its completion
        row("B", options=["A", "B", "C"]),
        row("D"),
        row("B", options="Lima or Quito"),
        {"question": QUESTION, "answer": 1},
    ],
)
def test_other_answers_are_completions_as_they_are(tmp_path: Path, value: dict[str, Any]) -> None:
    task = task_of(tmp_path, [value])
    example = first_of(task)
    assert (example.prompt, example.target) == ("Capital of Peru 0?", str(value["answer"]))
    assert [metric.name for metric in task.card.metrics] == ["accuracy", "accuracy_lenient"]
    assert "metric" not in task.spec().options


def test_columns_may_be_named(tmp_path: Path) -> None:
    value = {"ask": QUESTION, "among": OPTIONS, "key": "B", "note": "x"}
    example = first_of(task_of(tmp_path, [value], prompt="ask", completion="key", choices="among"))
    assert (example.prompt, example.target) == (SHOWN, "B")
    plain = first_of(task_of(tmp_path, [row("B")], prompt="question", completion="answer"))
    assert (plain.prompt, plain.target) == ("Capital of Peru 0?", "B")


def test_other_metrics_see_the_letter(tmp_path: Path) -> None:
    task = task_of(tmp_path, [row("B")], metric="exact_match,choice")
    assert [metric.name for metric in task.card.metrics] == ["accuracy", "accuracy_lenient", "choice"]
    assert first_of(task).target == "B"


def test_naming_the_metric_that_is_meant_anyway_is_the_same_trial(tmp_path: Path) -> None:
    usual, named, other = (task_of(tmp_path, [row("B")], **given).spec()
                           for given in ({}, {"metric": "choice"}, {"metric": "exact_match"}))  # fmt: skip
    assert usual == named != other


def test_rows_whose_answer_is_none_of_theirs_are_named(tmp_path: Path) -> None:
    path = tmp_path / "data.jsonl"
    rows = [{**row("B"), "question": f"Question {n}?"} for n in range(160)]
    rows[120]["answer"] = "D"
    rows[121]["choices"] = []
    path.write_text("".join(f"{json.dumps(one)}\n" for one in rows), "utf-8")
    assert {one.reason: one.first for one in OwnData({"path": str(path)}).rows.dropped} == {
        'column "answer" names none of the answers in column "choices"': ("row 121",),
        'no list of 1 to 26 answers in column "choices"': ("row 122",),
    }


def test_letters_are_counted(tmp_path: Path) -> None:
    assert task_of(tmp_path, [row("A"), row("B"), row("B")]).rows.labels == {"B": 40, "A": 20}


def test_a_column_of_choices_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match='no column "among", the option choices'):
        task_of(tmp_path, [row("B")], choices="among")
