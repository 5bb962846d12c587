"""Forms are known by their columns, and options correct the guess."""

import json
from pathlib import Path
from typing import Any

import pytest

from paretune.spec import InputError
from paretune.tasks import Example, Message
from paretune.tasks.data.wanted import SPLITS
from paretune.tasks.own_data import OwnData

CHAT = [{"role": "user", "content": "Hi {n}"}, {"role": "assistant", "content": "Hello {n}"}]


def filled(value: Any, number: int) -> Any:
    """Return a value with `{n}` replaced in all its texts."""
    return json.loads(json.dumps(value).replace("{n}", str(number)))


def task_of(folder: Path, row: Any, **options: Any) -> OwnData:
    path = folder / "data.jsonl"
    path.write_text("".join(f"{json.dumps(filled(row, n))}\n" for n in range(60)), "utf-8")
    return OwnData({"path": str(path), **options})


def first_of(task: OwnData) -> Example:
    """Return the example of the first row."""
    (found,) = (one for split in SPLITS for one in task.examples(split) if one.id == "row 1")
    return found


@pytest.mark.parametrize(
    ("row", "prompt", "target"),
    [
        ({"prompt": "p {n}", "completion": "c {n}"}, "p 0", "c 0"),
        ({"Question": "p {n}", "Answer": "c {n}", "id": "{n}"}, "p 0", "c 0"),
        (
            {"question": "q {n}", "context": "Long ago.", "answers": {"text": ["a {n}", "b"], "answer_start": [1]}},
            "Long ago.\n\nq 0",
            "a 0",
        ),
        ({"instruction": "Do {n}", "input": "", "output": "done"}, "Do 0", "done"),
        ({"instruction": "Do {n}", "input": "this", "output": "done"}, "Do 0\n\nthis", "done"),
        ({"instruction": "Do {n}", "context": "this", "response": "done"}, "Do 0\n\nthis", "done"),
        ({"input": "p {n}", "output": 7}, "p 0", "7"),
        ({"prompt": "p {n}", "completion": 2.0}, "p 0", "2"),
        ({"prompt": "p {n}", "completion": 2.5}, "p 0", "2.5"),
        ({"text": "t {n}", "label": True}, "t 0\nLabel:", "true"),
        ({"text": "t {n}", "label": 0, "label_text": "bad"}, "t 0\nLabel:", "bad"),
        ({"sentence1": "a {n}", "sentence2": "b", "label": "yes"}, "a 0\n\nb\nLabel:", "yes"),
        ({"document": "d {n}", "summary": "s"}, "d 0", "s"),
    ],
)  # fmt: skip
def test_prompts_and_completions(tmp_path: Path, row: Any, prompt: str, target: str) -> None:
    example = first_of(task_of(tmp_path, row))
    assert (example.prompt, example.target) == (prompt, target)
    assert example.completion == f" {target}"
    assert example.messages == (Message("user", prompt), Message("assistant", target))


@pytest.mark.parametrize(
    "row",
    [
        {"messages": CHAT},
        {"conversations": [{"from": "human", "value": "Hi {n}"}, {"from": "gpt", "value": "Hello {n}"}]},
        {"messages": json.dumps(CHAT)},
        {"messages": [{"role": "user", "content": [{"type": "text", "text": "Hi {n}"}]}, CHAT[1]]},
        {"messages": [*CHAT, {"role": "user", "content": "Bye"}]},
        {"prompt": CHAT[:1], "completion": CHAT[1:]},
        {"prompt": CHAT[:1], "completion": "Hello {n}"},
        {"prompt": "Hi {n}", "completion": CHAT[1:]},
        {"prompt": "Hi {n}", "completion": CHAT},
        {"data": {"messages": CHAT}},
    ],
)
def test_conversations(tmp_path: Path, row: Any) -> None:
    example = first_of(task_of(tmp_path, row))
    assert example.messages == (Message("user", "Hi 0"), Message("assistant", "Hello 0"))
    assert (example.prompt, example.completion, example.target) == ("User: Hi 0\n\nAssistant:", " Hello 0", "Hello 0")


def test_columns_that_are_named_win_over_the_guess(tmp_path: Path) -> None:
    row = {"question": "q {n}", "answer": "a", "title": "t {n}", "kind": "k", "note": "n"}
    for options, prompt, target in (
        ({"prompt": "title"}, "t 0", "a"),
        ({"completion": "note"}, "q 0", "n"),
        ({"prompt_column": "title", "completion_column": "note"}, "t 0", "n"),
        ({"text": "title", "label": "kind"}, "t 0\nLabel:", "k"),
        ({"text": "title,question", "label": "kind"}, "t 0\n\nq 0\nLabel:", "k"),
    ):
        example = first_of(task_of(tmp_path, row, **options))
        assert (example.prompt, example.target) == (prompt, target)
    plain = first_of(task_of(tmp_path, row, text="question"))
    assert (plain.prompt, plain.completion, plain.messages) == ("q", " 0", ())
    joined = task_of(tmp_path, row, text="title,question")
    assert joined.rows.form == "plain text (title and question), for language modelling"
    assert (one := first_of(joined)).prompt + one.completion == "t 0\n\nq 0"


def test_a_column_called_score_makes_plain_text_no_labels(tmp_path: Path) -> None:
    row = {"text": "Text {n} of a crawl", "score": 0.5}
    assert first_of(task_of(tmp_path, row)).learns_prompt
    assert first_of(task_of(tmp_path, row, label="score")).target == "0.5"


@pytest.mark.parametrize(
    ("row", "options", "words"),
    [
        ({"prompt": "p", "chosen": "c", "rejected": "r"}, {}, ["preference pairs", "--completion chosen"]),
        ({"a": "p", "b": "c"}, {}, ["the columns are: a, b", "--prompt", "--completion", "--text", "--label"]),
        ({"a": "p", "b": "c"}, {"prompt": "a"}, ["--completion too", "a, b"]),
        ({"a": "p", "b": "c"}, {"label": "a"}, ["--text", "a, b"]),
        ({"question": "p", "answer": "c"}, {"prompt": "qestion"}, ['"qestion"', 'did you mean "question"']),
        ({"question": "p", "answer": "c"}, {"prompt": "question", "text": "answer"}, ["exclude"]),
        ({"a": "p", "b": "c"}, {"prompt": "b", "completion": "b"}, ['--prompt and --completion both name "b"', "a, b"]),
        ({"question": "p", "answer": "c"}, {"group": "customer"}, ['"customer"', "option group"]),
        ({"question": "p", "answer": None}, {}, ['nothing in column "answer"', "row 1"]),
        ({"messages": [{"role": "assistant", "content": "x"}]}, {}, ["no answer to a user", "row 1"]),
        ({"messages": [*CHAT, {"role": "tool", "content": "x"}]}, {}, ['the role "tool"']),
    ],
)
def test_what_fits_no_form_is_one_line_with_the_option_that_mends_it(
    tmp_path: Path, row: Any, options: dict[str, str], words: list[str]
) -> None:
    with pytest.raises(InputError) as caught:
        task_of(tmp_path, row, **options).examples("train")
    said = str(caught.value)
    assert "\n" not in said
    for word in (*words, str(tmp_path / "data.jsonl")):
        assert word in said


def test_preferred_answers_alone(tmp_path: Path) -> None:
    example = first_of(task_of(tmp_path, {"prompt": "p {n}", "chosen": "c", "rejected": "r"}, completion="chosen"))
    assert (example.prompt, example.target) == ("p 0", "c")
    row = {"chosen": CHAT, "rejected": CHAT}
    assert first_of(task_of(tmp_path, row, completion="chosen")).target == "Hello 0"


def test_rows_that_cannot_be_used_are_named_with_the_reason(tmp_path: Path) -> None:
    path = tmp_path / "data.jsonl"
    rows: list[Any] = [{"prompt": f"p {n}", "completion": "c"} for n in range(60)]
    rows[3]["completion"] = ""
    rows[4]["completion"] = float("nan")
    rows[5] = rows[6]
    rows[7]["prompt"] = "\ud800"
    path.write_text("".join(f"{json.dumps(row)}\n" for row in rows), "utf-8")
    report = OwnData({"path": str(path)}).rows
    assert (report.num_read, report.num_dropped, sum(report.num_kept.values())) == (60, 4, 56)
    assert {one.reason: one.first for one in report.dropped} == {
        'nothing in column "completion"': ("row 4", "row 5"),
        "the same as an earlier row": ("row 7",),
        "half of a surrogate pair, which no tokenizer takes": ("row 8",),
    }


def test_labels_are_counted(tmp_path: Path) -> None:
    path = tmp_path / "data.jsonl"
    path.write_text("".join(f'{{"text": "t {n}", "label": {json.dumps(n % 3 == 0)}}}\n' for n in range(60)), "utf-8")
    assert OwnData({"path": str(path)}).rows.labels == {"false": 40, "true": 20}


def test_one_option_by_two_names_is_refused() -> None:
    with pytest.raises(InputError, match="prompt_column and prompt are one and the same"):
        OwnData({"path": "rows.jsonl", "prompt": "a", "prompt_column": "b"})
