import json
from pathlib import Path

import pytest

from paretune.spec import GeneralText, InputError
from paretune.tasks import fixed_general_text, read_general_text


def test_the_first_texts_that_are_long_enough_are_read(tmp_path: Path) -> None:
    path = tmp_path / "texts.jsonl"
    path.write_text("".join(json.dumps({"text": "word " * n}) + "\n" for n in range(1, 30)))
    wanted = GeneralText(source=str(path), num_texts=5, min_characters=50)
    assert [len(text) for text in read_general_text(wanted)] == [50, 55, 60, 65, 70]


def test_a_text_file_has_a_text_a_line_and_its_hash_follows_its_content(tmp_path: Path) -> None:
    path = tmp_path / "texts.txt"
    path.write_text(" First line. \n\nSecond line.\nThird line.\n")
    wanted = GeneralText(source=str(path), num_texts=2)
    assert read_general_text(wanted) == ("First line.", "Second line.")
    before = fixed_general_text(wanted)
    path.write_text("First line.\nSecond line.\nAnother third line.\n")
    assert fixed_general_text(wanted) == before, "only what is read counts"
    path.write_text("First line.\nAnother second line.\n")
    assert fixed_general_text(wanted) != before


def test_too_few_texts_and_a_missing_column_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "texts.jsonl"
    path.write_text('{"text": "one"}\n{"txt": "two"}\n')
    with pytest.raises(InputError, match='row 2: no text in column "text"; the row has: txt'):
        read_general_text(GeneralText(source=str(path), num_texts=2))
    path.write_text('{"text": "one"}\n')
    with pytest.raises(InputError, match="holds 0 texts of at least 9 characters, 2 are wanted"):
        read_general_text(GeneralText(source=str(path), num_texts=2, min_characters=9))
