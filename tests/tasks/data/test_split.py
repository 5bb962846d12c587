"""Rows stay on their side, whatever else the data holds."""

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from paretune.spec import InputError
from paretune.tasks.data.split import normalised
from paretune.tasks.data.wanted import SPLITS
from paretune.tasks.own_data import OwnData

Rows = Sequence[Mapping[str, Any]]
WORDS = st.text(st.characters(codec="utf-8", categories=["L", "N", "P", "Zs", "S"]), min_size=1, max_size=8).filter(
    lambda text: bool(text.strip())
)
PAIRS = st.fixed_dictionaries({"prompt": WORDS, "completion": WORDS})


def numbered(number: int, **columns: Any) -> list[dict[str, Any]]:
    return [{"prompt": f"What is {n}?", "completion": f"{n}", **columns} for n in range(number)]


def task_of(folder: Path, rows: Rows, name: str = "data.jsonl", **options: Any) -> OwnData:
    path = folder / name
    path.write_text("".join(f"{json.dumps(row)}\n" for row in rows), "utf-8")
    return OwnData({"path": str(path), **options})


def sides(task: OwnData) -> dict[str, str]:
    """Return the split of each row, by its place."""
    return {example.id: split for split in SPLITS for example in task.examples(split)}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("split")


BASIS = numbered(40)
"""Rows that every drawn data set begins with, so that all splits have some."""


@given(rows=st.lists(PAIRS, max_size=30))
def test_no_normalised_prompt_is_in_two_splits(folder: Path, rows: Rows) -> None:
    task = task_of(folder, [*BASIS, *rows, *({**row, "prompt": f" {row['prompt'].upper()} !"} for row in rows)])
    prompts = [{normalised(example.prompt) for example in task.examples(split)} for split in SPLITS]
    for index, some in enumerate(prompts):
        for others in prompts[index + 1 :]:
            assert not some & others


@given(rows=st.lists(PAIRS, max_size=20), later=st.lists(PAIRS, max_size=20))
def test_appended_rows_move_no_row(folder: Path, rows: Rows, later: Rows) -> None:
    before = sides(task_of(folder, [*BASIS, *rows]))
    after = sides(task_of(folder, [*BASIS, *rows, *later], "longer.jsonl"))
    assert {place: after[place] for place in before} == before


@given(number=st.integers(3, 30), words=st.lists(WORDS, min_size=30, max_size=30, unique_by=normalised))
def test_three_different_prompts_are_enough(folder: Path, number: int, words: list[str]) -> None:
    task = task_of(folder, [{"prompt": word, "completion": "x"} for word in words[:number]], test_fraction=0.01)
    assert task.rows.num_kept["test"] > 0
    assert task.rows.num_kept["validation"] > 0


def test_the_path_is_no_part_of_the_content(tmp_path: Path) -> None:
    first = task_of(tmp_path, numbered(50))
    second = task_of(tmp_path, numbered(50), "renamed.jsonl")
    assert first.content_hash == second.content_hash
    assert first.content_hash != task_of(tmp_path, numbered(51)).content_hash
    assert first.content_hash != OwnData({**second.options, "seed": 1}).content_hash
    assert first.spec().identity == second.spec().identity


def test_a_file_that_changes_is_read_again(tmp_path: Path) -> None:
    assert task_of(tmp_path, numbered(50)).rows.num_read == 50
    assert task_of(tmp_path, numbered(60)).rows.num_read == 60


def test_groups_stay_together(tmp_path: Path) -> None:
    rows = [{"prompt": f"q {n}", "completion": "a", "customer": n % 30} for n in range(300)]
    task = task_of(tmp_path, rows, group="customer")
    groups = [{example.cluster for example in task.examples(split)} for split in SPLITS]
    assert all(groups)
    assert len(set.union(*groups)) == sum(map(len, groups)) == 30
    assert task.rows.split_by == "the hash of the group"


def test_a_group_that_the_data_itself_puts_into_the_test_is_not_trained_on(tmp_path: Path) -> None:
    tested = [{"prompt": f"t {n}", "completion": "a", "customer": n} for n in range(5)]
    task_of(tmp_path, tested, "t.jsonl")
    rows = [{"prompt": f"q {n}", "completion": "a", "customer": n % 40} for n in range(200)]
    task = task_of(tmp_path, rows, test_path=str(tmp_path / "t.jsonl"), group="customer")
    groups = [{example.cluster for example in task.examples(split)} for split in SPLITS]
    assert len(set.union(*groups)) == sum(map(len, groups)) == 40
    assert len(task.examples("test")) == 5
    (dropped,) = task.rows.dropped
    assert dropped.reason == "a group that is in the test set too"
    assert dropped.num_rows == 25


def test_a_prompt_of_two_groups_is_in_one_split(tmp_path: Path) -> None:
    rows = [{"prompt": f"q {n % 30}", "completion": f"a {n}", "customer": n} for n in range(300)]
    task = task_of(tmp_path, rows, group="customer")
    prompts = [{example.prompt for example in task.examples(split)} for split in SPLITS]
    assert sum(map(len, prompts)) == 30
    reasons = {one.reason for one in task.rows.dropped}
    assert reasons <= {
        "a prompt that is in the test set too",
        "a prompt that is in the validation set too",
        "a question that an earlier row asks, in validation or test",
    }


def test_a_column_that_names_the_split_is_kept(tmp_path: Path) -> None:
    names = ["train", "dev", "test", "Training"]
    rows = [{**row, "split": names[n % 4]} for n, row in enumerate(numbered(40))]
    assert task_of(tmp_path, rows).rows.num_kept == {"train": 20, "validation": 10, "test": 10}
    renamed = [{"fold": row.pop("split"), **row} for row in rows]
    assert task_of(tmp_path, renamed, split="fold").rows.num_kept == {"train": 20, "validation": 10, "test": 10}


def test_rows_of_two_lists_of_one_split_can_be_told_apart(tmp_path: Path) -> None:
    lists = {name: [{"prompt": f"{name} {n}", "completion": "a"} for n in range(9)] for name in ("train", "test")}
    lists["testing"] = [{"prompt": f"more {n}", "completion": "a"} for n in range(9)]
    (tmp_path / "lists.json").write_text(json.dumps(lists), "utf-8")
    tested = OwnData({"path": str(tmp_path / "lists.json")}).examples("test")
    assert sorted({example.id for example in tested}) == [f"{name} row {n}" for name in lists for n in range(1, 10)][9:]
    assert len(tested) == 18


def test_a_split_that_only_later_rows_name_is_kept(tmp_path: Path) -> None:
    rows = [{**row, "split": "test"} if n >= 150 else row for n, row in enumerate(numbered(200))]
    assert task_of(tmp_path, rows).rows.num_kept["test"] == 50


def test_what_the_data_does_not_give_is_split_off_from_its_training_rows(tmp_path: Path) -> None:
    rows = [{**row, "split": "test" if n < 10 else "train"} for n, row in enumerate(numbered(110))]
    report = task_of(tmp_path, rows).rows
    assert report.num_kept["test"] == 10
    assert 0 < report.num_kept["validation"] < 30
    assert report.split_by.startswith("the data itself (train, test); the rest by the hash of the prompt")


def test_a_file_for_the_test_is_not_trained_on(tmp_path: Path) -> None:
    task_of(tmp_path, [{"prompt": "what is 3", "completion": "three"}, {"prompt": "new", "completion": "x"}], "t.jsonl")
    task = task_of(tmp_path, numbered(40), test_path=str(tmp_path / "t.jsonl"))
    assert {example.prompt for example in task.examples("test")} == {"what is 3", "new"}
    (dropped,) = task.rows.dropped
    assert dropped.reason == "a prompt that is in the test set too"
    assert dropped.first == ("row 4",)


def test_rows_of_a_list_and_of_a_file_for_the_same_split_can_be_told_apart(tmp_path: Path) -> None:
    lists = {name: [{"prompt": f"{name} {n}", "completion": "a"} for n in range(9)] for name in ("train", "test")}
    (tmp_path / "lists.json").write_text(json.dumps(lists), "utf-8")
    task_of(tmp_path, [{"prompt": f"more {n}", "completion": "x"} for n in range(9)], "t.jsonl")
    task = OwnData({"path": str(tmp_path / "lists.json"), "test_path": str(tmp_path / "t.jsonl")})
    ids = [example.id for example in task.examples("test")]
    assert len(set(ids)) == len(ids) == 18
    assert {"test row 1", "test_path row 1"} <= set(ids)


def test_a_large_test_is_cut_and_never_trained_on(tmp_path: Path) -> None:
    rows = numbered(400)
    whole, cut = task_of(tmp_path, rows), task_of(tmp_path, rows, max_test=5)
    assert len(cut.examples("test")) == 5
    assert set(cut.examples("test")) < set(whole.examples("test"))
    assert list(cut.examples("train")) == list(whole.examples("train"))
    (dropped,) = cut.rows.dropped
    assert dropped.reason == "more than 5 test examples (options max_test, test_fraction)"
    assert dropped.num_rows == len(whole.examples("test")) - 5


def test_two_prompts_are_too_few(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="too few different prompts, none of 2 rows is left for train"):
        task_of(tmp_path, numbered(2)).examples("train")


@pytest.mark.parametrize(("left", "right"), [("What is 1, 2?", "what is 12"), ("Straße", "STRASSE"), ("ﬁne", "Fine!")])
def test_what_is_nearly_equal(left: str, right: str) -> None:
    assert normalised(left) == normalised(right)


def test_signs_alone_are_not_nothing() -> None:
    assert len({normalised(text) for text in ("+", "-", "+ -", "🙂")}) == 4


@pytest.mark.parametrize(
    "option",
    [{"test_fraction": 0.5}, {"validation_fraction": "x"}, {"max_test": 0}, {"seed": -1}, {"chat_template": 1}],
)
def test_options_out_of_range(tmp_path: Path, option: dict[str, Any]) -> None:
    with pytest.raises(InputError, match=f"option {next(iter(option))} must be"):
        task_of(tmp_path, numbered(40), **option).examples("train")


@given(st.text(st.characters(max_codepoint=127)))
def test_a_text_in_ascii_loses_what_any_text_loses(text: str) -> None:
    assert normalised(text) == (re.sub(r"[\W_]+", "", text.casefold()) or "".join(text.casefold().split()))


@pytest.mark.parametrize("option", ["test_path", "validation_path"])
def test_a_file_for_a_split_of_which_no_row_can_be_used_is_refused(tmp_path: Path, option: str) -> None:
    other = tmp_path / "other.jsonl"
    other.write_text("".join(f'{{"instruction": "Do {n}", "output": "o"}}\n' for n in range(30)), "utf-8")
    with pytest.raises(InputError) as caught:
        task_of(tmp_path, numbered(40), **{option: str(other)}).examples("train")
    assert str(caught.value).startswith(f"{other} (option {option}): none of 30 rows can be used as prompt (prompt)")
    assert 'nothing in column "prompt"' in str(caught.value)
    other.write_text("", "utf-8")
    with pytest.raises(InputError, match="no rows in it"):
        task_of(tmp_path, numbered(40), **{option: str(other)}).examples("train")


def test_the_first_file_decides_the_form(tmp_path: Path) -> None:
    task_of(tmp_path, [{"question": f"q {n}", "prompt": f"p {n}", "answer": "a"} for n in range(30)], "t.jsonl")
    rows = [{"question": f"q {n}", "answer": "a"} for n in range(100, 140)]
    task = task_of(tmp_path, rows, test_path=str(tmp_path / "t.jsonl"))
    assert task.rows.form == "prompt (question) and completion (answer)"
    assert task.rows.num_kept["test"] == 30


@pytest.mark.parametrize("order", [("train", "held-out", "train"), ("held-out", "train", "train")])
def test_a_value_that_names_no_split_is_not_trained_on(tmp_path: Path, order: Sequence[str]) -> None:
    rows = [{**row, "split": order[n % 3]} for n, row in enumerate(numbered(60))]
    task = task_of(tmp_path, rows)
    kept = {int(place.removeprefix("row ")) - 1 for place in sides(task)}
    assert kept == {n for n in range(60) if order[n % 3] == "train"}
    (dropped,) = task.rows.dropped
    assert dropped.reason == 'a value of column "split" that names no split'
    assert (dropped.num_rows, dropped.first[0]) == (20, f"row {order.index('held-out') + 1}")


def test_a_column_called_split_that_names_no_split_is_like_any_other(tmp_path: Path) -> None:
    rows = [{**row, "split": "AB"[n % 2]} for n, row in enumerate(numbered(60))]
    report = task_of(tmp_path, rows).rows
    assert (sum(report.num_kept.values()), report.dropped) == (60, ())


def test_a_value_may_hold_further_words(tmp_path: Path) -> None:
    names = ["train", "test_matched", "train_sft", "dev-1"]
    rows = [{**row, "split": names[n % 4]} for n, row in enumerate(numbered(40))]
    assert task_of(tmp_path, rows).rows.num_kept == {"train": 20, "validation": 10, "test": 10}


def test_where_no_row_is_left_the_line_says_what_became_of_them(tmp_path: Path) -> None:
    task_of(tmp_path, numbered(40), "t.jsonl")
    with pytest.raises(InputError) as caught:
        task_of(tmp_path, numbered(40), test_path=str(tmp_path / "t.jsonl")).examples("train")
    assert "is left for train (40 left out: a prompt that is in the test set too); name" in str(caught.value)
    turns = [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello"}]
    rows = [{"messages": [*turns, {"role": "user", "content": f"{n}"}, turns[1]]} for n in range(40)]
    with pytest.raises(InputError, match=r"prompts \(of a conversation the first user turn counts\), none of 40 rows"):
        task_of(tmp_path, rows).examples("train")
