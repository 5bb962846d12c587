import json
from pathlib import Path
from typing import Any

import pytest

from paretune.spec import InputError
from paretune.tasks import Score
from paretune.tasks.own_data_v1 import OwnDataV1


def rows(number: int = 20) -> list[dict[str, str]]:
    return [{"prompt": f"What is {n} + 1?", "completion": str(n + 1)} for n in range(number)]


def written(path: Path, values: list[Any]) -> str:
    path.write_text("".join(json.dumps(value) + "\n" for value in values))
    return str(path)


def test_splits_share_no_prompt_and_repeat_themselves(tmp_path: Path) -> None:
    path = written(tmp_path / "data.jsonl", rows() + rows())
    task = OwnDataV1({"path": path})
    prompts = [[example.prompt for example in task.examples(split)] for split in ("train", "validation", "test")]
    assert [len(split) for split in prompts] == [14, 2, 4]
    assert len({prompt for split in prompts for prompt in split}) == 20
    assert OwnDataV1({"path": path}).content_hash == task.content_hash
    assert OwnDataV1({"path": path, "seed": 1}).content_hash != task.content_hash


def test_a_csv_file_with_other_columns(tmp_path: Path) -> None:
    path = tmp_path / "data.csv"
    path.write_text("question,answer\n" + "".join(f'"What, {n}?",{n}\n' for n in range(20)))
    options = {"path": str(path), "prompt_column": "question", "completion_column": "answer"}
    example = OwnDataV1(options).examples("test")[0]
    assert example.prompt.startswith("What, ")
    assert example.completion == f" {example.target}"


def test_files_of_their_own_for_validation_and_test(tmp_path: Path) -> None:
    options = {
        "path": written(tmp_path / "train.jsonl", rows()),
        "test_path": written(tmp_path / "test.jsonl", [*rows(1), {"prompt": "new", "completion": "x"}]),
    }
    task = OwnDataV1(options)
    assert [example.prompt for example in task.examples("test")] == ["new"], "a training prompt is no test question"
    assert len(task.examples("train")) == 18


def test_scores(tmp_path: Path) -> None:
    task = OwnDataV1({"path": written(tmp_path / "data.jsonl", rows())})
    example = task.examples("test")[0]
    assert task.score(f"  {example.target}\n", example) == Score(True, True)
    assert task.score(f"{example.target}, surely", example) == Score(False, True)
    assert task.score("no idea", example) == Score(False, False)


@pytest.mark.parametrize(
    ("content", "line"),
    [
        ('{"prompt": "a"}\n', 'line 1: no text in column "completion"; the row has: prompt'),
        ('{"prompt": "a", "completion": "b"}\n{broken\n', "line 2: not valid JSON"),
        ("[1]\n", "line 1: a row must be an object"),
        ("", "none is left"),
    ],
)
def test_a_file_that_cannot_be_used(tmp_path: Path, content: str, line: str) -> None:
    path = tmp_path / "data.jsonl"
    path.write_text(content)
    with pytest.raises(InputError, match=line) as caught:
        OwnDataV1({"path": str(path)}).examples("train")
    assert str(path) in str(caught.value)


def test_missing_or_unknown_files(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="option path is missing"):
        OwnDataV1()
    with pytest.raises(InputError, match="cannot read the data: No such file"):
        OwnDataV1({"path": str(tmp_path / "absent.jsonl")}).examples("train")
    with pytest.raises(InputError, match=r"must be a \.jsonl"):
        OwnDataV1({"path": "data.pickle"}).examples("train")
