"""Encodings, delimiters and quoting are found."""

import csv
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from paretune.spec import InputError
from paretune.tasks.data.read import source_rows
from paretune.tasks.data.text import MORE_CELLS, encoding_of


def rows_of(path: Path) -> list[tuple[str, dict[str, Any]]]:
    return [(row.place, dict(row.value)) for row in source_rows(str(path), lambda _: None)]


@pytest.mark.parametrize(
    ("text", "encoding", "found"),
    [
        ("prompt,completion\na,b\n", "utf-8", "utf-8"),
        ("Größe,1\n", "utf-8-sig", "utf-8-sig"),
        ("Größe,1\n", "utf-16", "utf-16"),
        ("A much longer line of plain text, and another one\n" * 9, "utf-16-le", "utf_16_le"),
        ("Größe und Übermut tun selten gut\n" * 9, "cp1252", "cp1252"),
        ("He said “hi” — that’s it… €5\n" * 9, "cp1252", "cp1252"),
        ("Привет, как дела? Где находится вокзал\n" * 9, "cp1251", "cp1251"),
        ("これは日本語のテキストです。質問と答え\n" * 9, "cp932", "cp932"),
    ],
)
def test_encodings(tmp_path: Path, text: str, encoding: str, found: str) -> None:
    path = tmp_path / "data.csv"
    path.write_bytes(text.encode(encoding))
    assert encoding_of(path) == found


def test_a_byte_that_is_no_utf_8_is_found_wherever_it_is(tmp_path: Path) -> None:
    path = tmp_path / "data.csv"
    path.write_bytes(b"prompt,completion\n" + b"plain,row\n" * 200_000 + "café,thé\n".encode("cp1252"))
    assert encoding_of(path) != "utf-8"


TABLES = {
    "blank lines": (
        'a,b\n\n1,2\n\n"3\r\nthree",4\n5,6\n',
        [("row 3", {"a": "1", "b": "2"}), ("row 5", {"a": "3\r\nthree", "b": "4"}), ("row 7", {"a": "5", "b": "6"})],
    ),
    "usual": ("a,b\n1,2\n", [("row 2", {"a": "1", "b": "2"})]),
    "a comma in quotes": ('a,b\n"1, one",2\n', [("row 2", {"a": "1, one", "b": "2"})]),
    "a line break in quotes": (
        'a,b\n"1\none",2\n3,4\n',
        [("row 2", {"a": "1\none", "b": "2"}), ("row 4", {"a": "3", "b": "4"})],
    ),
    "backslashes": (
        'a,b\n"say \\"x, y\\"",2\n"3",4\n',
        [("row 2", {"a": 'say "x, y"', "b": "2"}), ("row 3", {"a": "3", "b": "4"})],
    ),
    "single quotes": (
        "a,b\n'1, one','2'\n'3','4'\n",
        [("row 2", {"a": "1, one", "b": "2"}), ("row 3", {"a": "3", "b": "4"})],
    ),
    "bars": ("a|b\n1, one|2\n", [("row 2", {"a": "1, one", "b": "2"})]),
    "one column": ("text\nhello, world\nno comma\n", None),
    "too many cells": (
        "a,b\n1,2,3\n4\n5,6\n",
        [
            ("row 2", {"a": "1", "b": "2", MORE_CELLS: ["3"]}),
            ("row 3", {"a": "4", "b": None}),
            ("row 4", {"a": "5", "b": "6"}),
        ],
    ),
}


@pytest.mark.parametrize("name", TABLES)
def test_tables(tmp_path: Path, name: str) -> None:
    text, expected = TABLES[name]
    path = tmp_path / "data.csv"
    path.write_text(text, "utf-8")
    if expected is not None:
        assert rows_of(path) == expected
    else:
        assert [row["text"] for _, row in rows_of(path)] == ["hello, world", "no comma"]


CELLS = st.text(st.characters(codec="utf-8", exclude_characters="\0\r"), max_size=12)


@given(rows=st.lists(st.tuples(CELLS, CELLS, CELLS), min_size=4, max_size=8), delimiter=st.sampled_from(",\t;|"))
def test_a_table_with_all_cells_quoted_comes_back_whole(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[str, str, str]], delimiter: str
) -> None:
    path = tmp_path_factory.mktemp("table") / "data.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, delimiter=delimiter, quoting=csv.QUOTE_ALL, lineterminator="\n")
        writer.writerow(("first", "second", "third"))
        writer.writerows(rows)
    assert [tuple(row.values()) for _, row in rows_of(path)] == rows


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("a.json", "{", "not valid JSON"),
        ("a.json", '{"a": [{}], "b": [{}]}', "a list of rows, or one for each split; it holds: a, b"),
        ("a.json", "3", "must hold a list of rows"),
        ("a.parquet", "no parquet", "not a Parquet file"),
        ("a.jsonl", '{"a": 1}\n{', "line 2: not valid JSON"),
        ("a.xlsx", "x", "must be a .jsonl"),
    ],
)
def test_what_cannot_be_read_is_one_line(tmp_path: Path, name: str, content: str, words: str) -> None:
    path = tmp_path / name
    path.write_text(content, "utf-8")
    with pytest.raises(InputError) as caught:
        rows_of(path)
    assert words in str(caught.value)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_json_files_of_other_shapes(tmp_path: Path) -> None:
    path = tmp_path / "data.json"
    path.write_text('{"a": 1}\n{"a": 2}\n', "utf-8")
    assert [row["a"] for _, row in rows_of(path)] == [1, 2]
    path.write_text('{"version": "1", "data": [{"a": 1}]}', "utf-8")
    assert [row["a"] for _, row in rows_of(path)] == [1]
    path.write_text('{"train": [{"a": 1}], "dev": [{"a": 2}]}', "utf-8")
    assert [row.split for row in source_rows(str(path), lambda _: None)] == ["train", "validation"]


def test_an_empty_folder_and_a_hub_set_without_a_revision(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no data in this folder"):
        rows_of(tmp_path)
    with pytest.raises(InputError, match="write hf:NAME@REVISION"):
        list(source_rows("hf:squad", lambda _: None))


def test_all_broken_lines_are_named_in_one_error(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text("".join(f'{{"text": {n}}}\n' if n % 3 else f'{{"text": {n}\n\n' for n in range(1, 40)), "utf-8")
    with pytest.raises(InputError) as error:
        list(source_rows(str(path), lambda _: None))
    broken = [3 * n + n - 1 for n in range(1, 14)]
    assert broken[:2] == [3, 7]
    assert str(error.value) == (
        f"{path}, line 3: not valid JSON: Expecting ',' delimiter; lines {', '.join(map(str, broken[1:9]))} and 4 more "
        "cannot be read either"
    )
    path.write_text('{"text": 1}\n[1]\n{"text": 2}\n{\n', "utf-8")
    with pytest.raises(InputError, match="line 2: a row must be an object with columns; line 4 cannot be read either"):
        list(source_rows(str(path), lambda _: None))


def quoted_from(line: int, *, then: str = "", num_rows: int = 1000) -> str:
    """Return a table in whose given line a quote opens a cell, and is followed by `then` in line 701."""
    lines = ["prompt,completion"] + [f"question {n},{n}" for n in range(num_rows)]
    lines[line - 1] = f'question {line - 2},"oops'
    if then:
        lines[700] = then
    return "\n".join((*lines, ""))


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (quoted_from(402), "line 402: a quote opens a cell that no quote closes"),
        (quoted_from(1001), "line 1001: a quote opens a cell that no quote closes"),
        (quoted_from(402, then='question 699,"oops'), "line 402: a quote opens a cell that takes in the rows down to"),
        (quoted_from(402, then='question 699,"one, two"'), "line 402: a quote opens a cell that takes in the rows"),
        (quoted_from(402, then='question 699",699'), "takes in the rows down to line 701; remove the quote"),
        (quoted_from(402, then='question 699,6"'), "takes in the rows down to line 701"),
        (quoted_from(700, then='question 699,"oops'), "line 700: a quote opens a cell that takes in the rows down to"),
    ],
)
def test_a_quote_that_swallows_rows_is_refused_with_its_line(tmp_path: Path, content: str, words: str) -> None:
    path = tmp_path / "data.csv"
    path.write_text(content, "utf-8")
    with pytest.raises(InputError) as caught:
        rows_of(path)
    assert f"{path}, line " in str(caught.value)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_text_of_several_lines_with_commas_stays_a_cell(tmp_path: Path) -> None:
    path = tmp_path / "data.csv"
    texts = ["Dear Ann,\nthanks, really\nYours, Eve", "x,y\n1,2\n3,4", *map(str, range(300)), "a\n\nb, c"]
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows([("text", "label"), *((text, "a") for text in texts)])
    assert [row["text"] for _, row in rows_of(path)] == texts


def test_columns_of_the_same_name_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "data.csv"
    path.write_text("question,answer,answer\na,b,c\n", "utf-8")
    with pytest.raises(InputError, match='line 1: two columns have the same name: "answer"; give each its own'):
        rows_of(path)
    path.write_text("question,answer,,\na,b,,\n", "utf-8")
    assert [row["answer"] for _, row in rows_of(path)] == ["b"]


def test_descriptions_of_a_data_set_next_to_its_rows_are_not_read(tmp_path: Path) -> None:
    (tmp_path / "dataset_infos.json").write_text('{"default": {"features": {}}}', "utf-8")
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "train-00000.jsonl").write_text('{"prompt": "a"}\n', "utf-8")
    noted: list[str] = []
    assert [row.place for row in source_rows(str(tmp_path), noted.append)] == ["data/train-00000.jsonl row 1"]
    assert noted == ["not read, since it describes the data: dataset_infos.json"]
