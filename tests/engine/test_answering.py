"""Where answers end follows from the references, and a reference that could not be scored right is named."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from paretune.engine import Answering, answering, check_references, encode
from paretune.models.toy import toy_tokenizer
from paretune.spec import InputError
from paretune.tasks.own_data import OwnData

TEMPLATE = (
    "{% for message in messages %}<bos>{{ message.role }}\n{{ message.content }}<eos>\n{% endfor %}"
    "{% if add_generation_prompt %}<bos>assistant\n{% endif %}"
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("answering")


def task_of(folder: Path, completions: list[str], **options: Any) -> OwnData:
    """Return a task whose first rows are one of the test and one of the validation."""
    path = folder / "data.jsonl"
    rows = [{"prompt": f"What is {n}?", "completion": text} for n, text in enumerate(completions)]
    path.write_text("".join(f"{json.dumps(row)}\n" for row in rows), "utf-8")
    return OwnData({"path": str(path), **options})


def tokenizer_with(template: str | None) -> Any:
    tokenizer = toy_tokenizer()
    tokenizer.chat_template = template
    return tokenizer


def test_the_limit_follows_from_the_longest_reference(folder: Path) -> None:
    limits, tokenizer = [], toy_tokenizer()
    for number in (3, 200):
        task = task_of(folder, ["x" * number, *["y"] * 60])
        how = answering(task, tokenizer)
        assert check_references(task, tokenizer, how) > 2
        limits.append(how.max_new_tokens)
    assert limits[1] - limits[0] == 197


def test_no_stop_string_is_used_that_a_reference_holds(folder: Path) -> None:
    tokenizer = toy_tokenizer()
    assert answering(task_of(folder, ["one", *["y"] * 60]), tokenizer).stop == ("\n\n", "\nQuestion:")
    lines = task_of(folder, ["one\n\ntwo", *["y"] * 60])
    assert answering(lines, tokenizer).stop == ("\nQuestion:",)
    check_references(lines, tokenizer, answering(lines, tokenizer))
    with pytest.raises(InputError, match=r"hold a stop string, one of '\\n\\n' \(row 1\)"):
        check_references(lines, tokenizer, Answering(64, ("\n\n",), ()))


def test_a_conversation_ends_with_its_own_token_and_no_stop_string(folder: Path) -> None:
    task, tokenizer = task_of(folder, ["one", *["y"] * 60]), tokenizer_with(TEMPLATE)
    assert answering(task, tokenizer)[1:] == ((), (tokenizer.eos_token_id,))
    without = task_of(folder, ["one", *["y"] * 60], chat_template=False)
    assert answering(without, tokenizer).stop == ("\n\n", "\nQuestion:")


@pytest.mark.parametrize(
    ("completion", "options", "words"),
    [
        ("x" * 30, {"max_new_tokens": 8}, "longer than max_new_tokens = 8"),
        ("Größe", {}, "the tokenizer does not give the same text back"),
        ("a <eos> b", {}, "the tokenizer does not give the same text back"),
    ],
)
def test_references_that_no_answer_could_equal(
    folder: Path, completion: str, options: dict[str, Any], words: str
) -> None:
    task, tokenizer = task_of(folder, [completion, *["y"] * 60], **options), toy_tokenizer()
    with pytest.raises(InputError, match=r"1 of \d+ references could not be scored right") as caught:
        check_references(task, tokenizer, answering(task, tokenizer))
    assert words in str(caught.value)
    assert "(row 1)" in str(caught.value)


@given(
    completion=st.text(max_size=20).filter(lambda text: bool(text.strip())),
    template=st.sampled_from([None, TEMPLATE]),
)
def test_every_reference_comes_back_or_is_named(folder: Path, completion: str, template: str | None) -> None:
    task, tokenizer = task_of(folder, [completion, *["y"] * 20]), tokenizer_with(template)
    how = answering(task, tokenizer)
    problem = ""
    try:
        check_references(task, tokenizer, how)
    except InputError as error:
        problem = str(error)
    (first,) = (one for one in task.examples("test") if one.id == "row 1")
    written = tokenizer.decode(encode(first, tokenizer).answer, skip_special_tokens=True)
    assert (task.score(written, first)["accuracy"] == 1.0) == (not problem)
    assert ("(row 1)" in problem) == bool(problem)


def test_plain_text_has_no_references(folder: Path) -> None:
    path = folder / "book.txt"
    path.write_text("".join(f"Line {n} of the book.\n" for n in range(60)), "utf-8")
    task = OwnData({"path": str(path)})
    how = answering(task, toy_tokenizer())
    assert how.max_new_tokens == 32
    assert check_references(task, toy_tokenizer(), how) == 0


def test_a_template_that_adds_to_the_last_answer_costs_no_reference(folder: Path) -> None:
    added = "{% if message.role == 'assistant' and loop.last %}<t></t>\n{% endif %}"
    task, thinks = task_of(folder, ["one", *["y"] * 60]), TEMPLATE.replace("\n{{ message.c", f"\n{added}{{{{ message.c")
    tokenizer = tokenizer_with(thinks)
    assert check_references(task, tokenizer, answering(task, tokenizer)) > 2


def test_a_template_that_changes_the_answers_is_named(folder: Path) -> None:
    task = task_of(folder, ["one", *["y"] * 60])
    tokenizer = tokenizer_with(TEMPLATE.replace("{{ message.content }}", "{{ message.content * 2 }}"))
    with pytest.raises(InputError, match="the chat template does not show the answer as it is; --no-chat-template"):
        check_references(task, tokenizer, answering(task, tokenizer))


@pytest.mark.parametrize("template", [TEMPLATE.replace("<eos>", "{{ eos_token }}"), None])
def test_references_that_end_in_the_tokenizer_s_own_end_token_can_be_scored(folder: Path, template: str | None) -> None:
    task, tokenizer = task_of(folder, [f"answer {n}<|return|>" for n in range(60)]), tokenizer_with(template)
    tokenizer.add_special_tokens({"eos_token": "<|return|>"})
    assert check_references(task, tokenizer, answering(task, tokenizer)) > 2
