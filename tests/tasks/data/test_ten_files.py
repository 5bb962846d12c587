"""Each of ten files leads to examples by its path alone."""

from pathlib import Path

import pytest

from paretune.tasks import Example
from paretune.tasks.data.wanted import SPLITS
from paretune.tasks.own_data import OwnData
from tests.tasks.data.ten_files import NUM_ROWS, TEN_FILES, Piece


@pytest.fixture(params=TEN_FILES, ids=lambda piece: piece.name)
def piece(request: pytest.FixtureRequest) -> Piece:
    found: Piece = request.param
    return found


def all_examples(task: OwnData) -> list[Example]:
    return [example for split in SPLITS for example in task.examples(split)]


def test_it_is_recognised_and_nothing_is_lost(piece: Piece, tmp_path: Path) -> None:
    path = tmp_path / piece.name
    piece.write(path)
    task = OwnData({"path": str(path)})
    report, examples = task.rows, all_examples(task)
    assert report.form == piece.form
    assert report.notes == piece.notes
    assert report.dropped == ()
    assert report.num_read == len(examples) == sum(report.num_kept.values()) == NUM_ROWS * (3 if path.is_dir() else 1)
    assert len({example.id for example in examples}) == len(examples)


def test_its_first_row_is_shown_as_it_is(piece: Piece, tmp_path: Path) -> None:
    path = tmp_path / piece.name
    piece.write(path)
    examples = all_examples(OwnData({"path": str(path), "chat_template": piece.messages > 0}))
    if piece.name == "book.txt":
        (first,) = (one for one in examples if one.id == "row 1")
        assert first.prompt + first.completion == "Paragraph 0 begins here\nand ends there."
        assert first.learns_prompt
        return
    (first,) = (one for one in examples if one.prompt == piece.prompt)
    assert (first.completion, first.target) == (f" {piece.completion}", piece.completion)
    assert len(first.messages) == piece.messages
    assert not first.learns_prompt


def test_files_that_name_their_split_keep_it(tmp_path: Path) -> None:
    (folder,) = (piece for piece in TEN_FILES if piece.name == "folder")
    folder.write(tmp_path / "folder")
    task = OwnData({"path": str(tmp_path / "folder")})
    assert task.rows.num_kept == dict.fromkeys(SPLITS, NUM_ROWS)
    assert task.rows.split_by == "the data itself (train, validation, test)"
    assert all(one.id.startswith("test-00000-of-00001.jsonl row ") for one in task.examples("test"))
