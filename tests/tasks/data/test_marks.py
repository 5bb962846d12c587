"""Tokens written out in the data are not added twice."""

import json
from pathlib import Path
from typing import Any

import pytest

from paretune.spec import InputError
from paretune.tasks.own_data import OwnData
from tests.tasks.data.test_forms import first_of, task_of

CHAT = [{"role": "user", "content": "Hi {n}"}, {"role": "assistant", "content": "Hello {n}<|im_end|>"}]


@pytest.mark.parametrize(
    ("row", "prompt", "target"),
    [
        ({"prompt": "<s>p {n}", "completion": "c {n}</s>"}, "p 0", "c 0"),
        ({"prompt": "p {n}", "completion": "c {n} <|endoftext|><|endoftext|>\n"}, "p 0", "c 0"),
        ({"prompt": "p {n}", "completion": "<s>struck</s>"}, "p 0", "<s>struck</s>"),
        ({"prompt": "p {n}", "completion": "a <eos> inside"}, "p 0", "a <eos> inside"),
        ({"messages": CHAT}, "User: Hi 0\n\nAssistant:", "Hello 0"),
        ({"messages": [*CHAT, *CHAT]}, "User: Hi 0\n\nAssistant: Hello 0\n\nUser: Hi 0\n\nAssistant:", "Hello 0"),
        ({"messages": [{"role": "user", "content": "<s>Hi {n}"}, CHAT[1]]}, "User: Hi 0\n\nAssistant:", "Hello 0"),
        ({"prompt": "<s>old {n}</s> new", "completion": "c"}, "<s>old 0</s> new", "c"),
        ({"prompt": "<s>[a] {n} </s><s>[b]", "completion": "c"}, "[a] 0 </s><s>[b]", "c"),
    ],
)
def test_begin_and_end_tokens_of_the_data_are_taken_away(tmp_path: Path, row: Any, prompt: str, target: str) -> None:
    example = first_of(task_of(tmp_path, row))
    assert (example.prompt, example.target) == (prompt, target)
    assert example.messages[-1].content == target


def test_plain_text_too(tmp_path: Path) -> None:
    example = first_of(task_of(tmp_path, {"text": "<bos>Some text {n}</s>"}))
    assert example.prompt + example.completion == "Some text 0"


def test_an_answer_that_is_nothing_else_is_dropped(tmp_path: Path) -> None:
    path = tmp_path / "data.jsonl"
    rows = [{"prompt": f"p {n}", "completion": "</s>" if n == 7 else "c"} for n in range(60)]
    path.write_text("".join(f"{json.dumps(row)}\n" for row in rows), "utf-8")
    (dropped,) = OwnData({"path": str(path)}).rows.dropped
    assert dropped.reason == "an answer that is an end token and nothing else"
    assert dropped.first == ("row 8",)


def test_prompts_that_went_through_a_template_go_through_no_other(tmp_path: Path) -> None:
    row = {"prompt": "<|im_start|>user\np {n}<|im_end|>\n<|im_start|>assistant\n", "completion": "c {n}<|im_end|>"}
    task = task_of(tmp_path, row)
    example = first_of(task)
    assert (example.messages, example.completion) == ((), "c 0")
    assert task.rows.notes == ("prompts that went through a chat template already; none is applied",)


def test_a_prompt_that_mentions_a_mark_leaves_the_template_to_all(tmp_path: Path) -> None:
    path = tmp_path / "data.jsonl"
    rows = [{"prompt": f"p {n}" + " and [INST]?" * (n < 20), "completion": "c"} for n in range(60)]
    path.write_text("".join(f"{json.dumps(row)}\n" for row in rows), "utf-8")
    task = OwnData({"path": str(path)})
    assert all(example.messages for example in task.examples("train"))
    assert task.rows.notes == ()


def test_always_applies_a_template_to_prompts_that_hold_marks(tmp_path: Path) -> None:
    row = {"prompt": "<|user|>p {n}", "completion": "c {n}"}
    assert first_of(task_of(tmp_path, row)).messages == ()
    task = task_of(tmp_path, row, chat_template="always")
    assert first_of(task).messages[0].content == "<|user|>p 0"
    assert task.rows.notes == ()
    with pytest.raises(InputError, match='option chat_template must be true or false, or "always"'):
        task_of(tmp_path, row, chat_template="never")
