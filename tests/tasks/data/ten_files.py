"""Ten pieces of data as people have them, none made for this package."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

NUM_ROWS = 60


class Piece(NamedTuple):
    """How a piece of data is written, and what its first row shows."""

    name: str
    write: Callable[[Path], None]
    prompt: str
    completion: str
    form: str
    notes: tuple[str, ...] = ()
    messages: int = 0


def _lines(path: Path, rows: list[object]) -> None:
    path.write_text("".join(f"{json.dumps(row)}\n" for row in rows), encoding="utf-8")


def _odd_quoting(path: Path) -> None:
    rows = [f'{n},"Who said ""{n}, or\nso""?",Person {n}\n' for n in range(NUM_ROWS)]
    path.write_text(",question,answer\n" + "".join(rows), encoding="utf-8")


def _messages(path: Path) -> None:
    turns = [
        [
            {"role": "system", "content": "Be short."},
            {"role": "user", "content": f"Say {n}"},
            {"role": "assistant", "content": f"{n}"},
            {"role": "user", "content": "Again"},
            {"role": "assistant", "content": f"{n}, again"},
        ]
        for n in range(NUM_ROWS)
    ]
    _lines(path, [{"messages": one} for one in turns])


def _sharegpt(path: Path) -> None:
    rows = [
        {
            "id": f"a_{n}",
            "conversations": [{"from": "human", "value": f"Say {n}"}, {"from": "gpt", "value": f"It is {n}"}],
        }
        for n in range(NUM_ROWS)
    ]
    path.write_text(json.dumps(rows), encoding="utf-8")


def _alpaca(path: Path) -> None:
    rows = [{"instruction": "Add one.", "input": str(n), "output": str(n + 1)} for n in range(NUM_ROWS)]
    path.write_text(json.dumps(rows, indent=1), encoding="utf-8")


def _nested_parquet(path: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet

    rows = [
        {"meta": {"id": n}, "data": {"question": f"What follows {n}?", "answer": {"text": [str(n + 1)], "start": [0]}}}
        for n in range(NUM_ROWS)
    ]
    pyarrow.parquet.write_table(pa.Table.from_pylist(rows), path)


def _labels(path: Path) -> None:
    rows = [f"\"I don't think number {n} is good\t{n % 2}\n" for n in range(NUM_ROWS)]
    path.write_text("sentence\tlabel\n" + "".join(rows), encoding="utf-8")


def _utf_16(path: Path) -> None:
    rows = [f"Was heißt „{n}“?,Größe {n}\n" for n in range(NUM_ROWS)]
    path.write_text("prompt,completion\n" + "".join(rows), encoding="utf-16")


def _latin_1(path: Path) -> None:
    rows = [f'"Où est le café n° {n}, à Genève ?","Près de l\'hôtel {n}"\n' for n in range(NUM_ROWS)]
    path.write_text("Question,Answer\n" + "".join(rows), encoding="latin-1")


def _semicolons(path: Path) -> None:
    rows = [f"Was kostet Posten {n}, netto?;{n},50\n" for n in range(NUM_ROWS)]
    path.write_text("\N{BYTE ORDER MARK}query;response\n" + "".join(rows), encoding="utf-8")


def _plain_text(path: Path) -> None:
    path.write_text("".join(f"Paragraph {n} begins here\nand ends there.\n\n" for n in range(NUM_ROWS)), "utf-8")


def _folder(path: Path) -> None:
    path.mkdir()
    (path / "README.txt").write_text("Three files of one data set.", "utf-8")
    for split, first in (("train", 0), ("validation", 1000), ("test", 2000)):
        rows: list[object] = [
            {"premise": f"There are {n}", "hypothesis": f"There is one of {n}", "label": n % 2 == 0}
            for n in range(first, first + NUM_ROWS)
        ]
        _lines(path / f"{split}-00000-of-00001.jsonl", rows)


TEN_FILES = (
    Piece("export.csv", _odd_quoting, 'Who said "0, or\nso"?', "Person 0", "prompt (question) and completion (answer)"),
    Piece(
        "chat.jsonl",
        _messages,
        "System: Be short.\n\nUser: Say 0\n\nAssistant: 0\n\nUser: Again\n\nAssistant:",
        "0, again",
        "conversations (messages)",
        messages=5,
    ),
    Piece(
        "sharegpt.json",
        _sharegpt,
        "User: Say 0\n\nAssistant:",
        "It is 0",
        "conversations (conversations)",
        messages=2,
    ),
    Piece("alpaca.json", _alpaca, "Add one.\n\n0", "1", "prompt (instruction and input) and completion (output)"),
    Piece(
        "nested.parquet",
        _nested_parquet,
        "What follows 0?",
        "1",
        "prompt (data.question) and completion (data.answer.text)",
    ),
    Piece(
        "labels.tsv",
        _labels,
        "\"I don't think number 0 is good\nLabel:",
        "0",
        "text (sentence) and label (label)",
        ("quotes are part of the text",),
    ),
    Piece(
        "utf16.csv",
        _utf_16,
        "Was heißt „0“?",
        "Größe 0",
        "prompt (prompt) and completion (completion)",
        ("encoding utf-16",),
    ),
    Piece(
        "latin1.csv",
        _latin_1,
        "Où est le café n° 0, à Genève ?",
        "Près de l'hôtel 0",
        "prompt (Question) and completion (Answer)",
        ("encoding cp1252",),
    ),
    Piece(
        "semicolons.csv",
        _semicolons,
        "Was kostet Posten 0, netto?",
        "0,50",
        "prompt (query) and completion (response)",
        ("semicolon between columns",),
    ),
    Piece("book.txt", _plain_text, "", "", "plain text (text), for language modelling"),
    Piece(
        "folder",
        _folder,
        "There are 0\n\nThere is one of 0\nLabel:",
        "true",
        "text (premise and hypothesis) and label (label)",
    ),
)
"""Eleven, with the two encodings counted apart."""
