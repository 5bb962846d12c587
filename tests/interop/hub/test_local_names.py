"""What names a machine is taken out of text, and nothing else is."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from paretune.interop.hub.local_names import LocalNames, places_in
from paretune.spec import TaskSpec
from tests.records import make_record, make_study

NAMES = LocalNames(
    ["/home/jo doe/my data.jsonl", "../secret/y.csv", "/model"], words=["jodoe", "big-machine"], home="/home/jo doe"
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("path:/home/ann/models/small", "path:small"),
        ("path:/model", "path:model"),
        ("/home/jo doe/my data.jsonl: no such file", "my data.jsonl: no such file"),
        ("/home/jo doe/thesis/x.csv", "x.csv"),
        ("../secret/y.csv row 3", "y.csv row 3"),
        ("file:///home/ann/x.txt", "x.txt"),
        ("~/notes/x.txt and ~ann/x/y", "x.txt and y"),
        (r"C:\Users\ann\x.csv", "x.csv"),
        (r"C:\Users\ann", "~"),
        (r"\\server\share\x", "x"),
        ("/home/ann", "~"),
        ('File "/usr/lib/python3/torch/nn.py", line 3', 'File "nn.py", line 3'),
    ],
)
def test_of_a_path_the_last_part_is_left(text: str, expected: str) -> None:
    assert NAMES.text(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "https://arxiv.org/abs/2106.09685",
        "hub:openai/gsm8k@740312add88f781978c0658806c59bc2815b9866:main/test.parquet",
        "and/or, 3/4, seen/unseen, a/b/c",
        "</s></b>",
        "[/INST]",
        "/end",
        r"regex:A:\d+\s",
        "jodoe on big-machine",
    ],
)
def test_what_is_no_path_stays_in_settings(text: str) -> None:
    assert NAMES.text(text) == text


def test_messages_lose_users_machines_and_paths_of_one_part() -> None:
    assert NAMES.removed({"message": "jodoe@big-machine: /data is full"}) == {"message": "…@…: data is full"}
    assert NAMES.removed({"notes": ["seen by jodoe"], "label": "jodoe"}) == {"notes": ["seen by …"], "label": "jodoe"}
    assert NAMES.removed({"traceback": 'File "x.py"'}) == {"traceback": ""}


@given(st.text(st.characters(exclude_characters="/\\~")))
def test_text_without_separators_stays_as_it_is(text: str) -> None:
    assert NAMES.text(text) == text


@given(st.lists(st.text("ab c.-_", min_size=1, max_size=5), min_size=2, max_size=5))
def test_taking_out_twice_changes_nothing_more(parts: list[str]) -> None:
    once = NAMES.text("in /" + "/".join(parts) + ": gone", is_message=True)
    assert NAMES.text(once, is_message=True) == once


def test_a_root_or_a_name_is_no_place() -> None:
    assert LocalNames(["/", "data", "."], home="/").text("data / of all") == "data / of all"


def test_places_are_found_in_records_and_study() -> None:
    task = TaskSpec(
        name="own_data", version="2", options={"path": "../x/y.csv", "test_path": "hf:a/b@1"}, content_hash="0",
        locations=("path", "test_path"),
    )  # fmt: skip
    record = make_record(task=task, base_model="path:/srv/model")
    skill = {"name": "own_data", "options": {"path": "/srv/skill.csv"}}
    study = make_study(general_text={"source": "/srv/texts.txt"}, base_model="hub:a/b@main", skills=[skill])
    assert places_in([record], study) == ["../x/y.csv", "/srv/model", "/srv/skill.csv", "/srv/texts.txt"]
