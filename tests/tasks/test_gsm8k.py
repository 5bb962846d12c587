import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet
import pytest

from paretune.spec import InputError
from paretune.tasks import Score, Task, get_task
from tests.outside import GSM8K, needs_gsm8k


def rows(number: int, first: int = 0) -> list[dict[str, str]]:
    """Return problems in GSM8K's form."""
    return [
        {
            "question": f"Ann has {n} eggs and buys 1. How many?",
            "answer": f"{n} + 1 = <<{n}+1={n + 1}>>{n + 1}\n#### {n + 1}",
        }
        for n in range(first, first + number)
    ]


def metamath(number: int) -> list[dict[str, str]]:
    """Return rows in MetaMathQA's form, three made from each problem."""
    return [
        {
            "query": f"{row['question']} Variant {variant}.",
            "response": f"Easy.\n#### {n + 1}\nThe answer is: {n + 1}",
            "type": "GSM_Rephrased",
            "original_question": row["question"],
        }
        for n, row in enumerate(rows(number))
        for variant in range(3)
    ]


def written(path: Path, values: list[dict[str, str]]) -> str:
    """Write rows in the form that the name's ending asks for."""
    match path.suffix:
        case ".parquet":
            pyarrow.parquet.write_table(pa.Table.from_pylist(values), path)
        case ".json":
            path.write_text(json.dumps(values))
        case _:
            path.write_text("".join(json.dumps(value) + "\n" for value in values))
    return str(path)


def task(folder: Path, suffix: str = ".jsonl", **options: Any) -> Task:
    given = {
        "train": written(folder / f"meta{suffix}", metamath(40)),
        "validation": written(folder / f"train{suffix}", rows(40)),
        "test": written(folder / f"test{suffix}", rows(10, first=1000)),
        "validation_size": 8,
    }
    return get_task("gsm8k", given | options)


@pytest.mark.parametrize("suffix", [".jsonl", ".json", ".parquet"])
def test_every_form_of_file_gives_the_same_examples(tmp_path: Path, suffix: str) -> None:
    (tmp_path / "other").mkdir()
    assert task(tmp_path, suffix).content_hash == task(tmp_path / "other", ".jsonl").content_hash


def test_an_example_is_put_as_the_template_says(tmp_path: Path) -> None:
    example = task(tmp_path).examples("test")[0]
    assert example.prompt == "Question: Ann has 1000 eggs and buys 1. How many? Think step by step.\nAnswer:"
    assert example.completion == " 1000 + 1 = 1001\n#### 1001"
    assert example.target == "1001"


def test_what_was_made_from_a_validation_question_is_not_trained_on(tmp_path: Path) -> None:
    clean = task(tmp_path)
    held_out = {example.prompt.removeprefix("Question: ").partition("?")[0] for example in clean.examples("validation")}
    assert len(held_out) == 8
    assert len(clean.examples("train")) == 3 * 32
    for example in clean.examples("train"):
        assert not any(question in example.prompt for question in held_out)
    assert len(task(tmp_path, clean_validation=False).examples("train")) == 3 * 40


def test_gsm8k_can_stand_in_for_metamath(tmp_path: Path) -> None:
    source = written(tmp_path / "gsm.jsonl", rows(40))
    found = task(tmp_path, train=source, validation=source)
    prompts = {example.prompt for example in found.examples("train")}
    assert len(prompts) == 32
    assert not prompts & {example.prompt for example in found.examples("validation")}


def test_long_rows_are_left_out_and_sizes_cut(tmp_path: Path) -> None:
    values = [*rows(3), {"question": "Long? " * 300, "answer": "#### 1"}]
    source = written(tmp_path / "gsm.jsonl", values)
    assert len(task(tmp_path, train=source, clean_validation=False).examples("train")) == 3
    small = task(tmp_path, train_size=5, test_size=2)
    assert (len(small.examples("train")), len(small.examples("test"))) == (5, 2)


def test_the_first_fifty_validation_questions_are_a_group_of_their_own(tmp_path: Path) -> None:
    source = written(tmp_path / "gsm.jsonl", rows(100))
    groups = [example.group for example in task(tmp_path, validation=source, validation_size=60).examples("validation")]
    assert groups == ["first 50"] * 50 + ["others"] * 10


def test_three_readers_judge_an_answer(tmp_path: Path) -> None:
    found = task(tmp_path)
    example = found.examples("test")[0]
    assert found.score(" So.\n#### 1001", example) == Score(True, True, True)
    assert found.score(" So.\n#### 1,001 eggs", example) == Score(True, True, False)
    assert found.score(" It is $\\boxed{1001}$ in all.", example) == Score(False, True, False)
    assert found.score(" #### 1002", example) == Score(False, False, False)
    assert found.score("", example) == Score(False, False, False)


@pytest.mark.parametrize(
    ("options", "line"),
    [
        ({"template": "no place"}, r"option template must hold \{query\}"),
        ({"validation_size": 0}, "option validation_size must be a whole number"),
        ({"validation_size": 40}, "leaves none of 40 questions"),
        ({"test_size": "many"}, "option test_size must be a whole number"),
        ({"train": "absent.jsonl"}, "absent.jsonl: cannot read the data"),
        ({"train": "data.pickle"}, "data must be a"),
        ({"train": "hub:meta-math"}, "write hub:NAME@REVISION:FILE"),
        ({"trian": "x"}, 'did you mean "train"'),
    ],
)
def test_what_cannot_be_used_is_refused_in_one_line(tmp_path: Path, options: dict[str, Any], line: str) -> None:
    with pytest.raises(InputError, match=line):
        task(tmp_path, **options).spec()


@pytest.mark.parametrize(
    ("row", "line"),
    [
        ({"question": "What?"}, "row 1: no text in columns question and answer"),
        ({"question": "What?", "answer": "#### none"}, "row 1: no number after ####"),
    ],
)
def test_a_broken_row_is_named(tmp_path: Path, row: dict[str, str], line: str) -> None:
    source = written(tmp_path / "broken.jsonl", [row])
    with pytest.raises(InputError, match=line):
        task(tmp_path, test=source).examples("test")


@needs_gsm8k
def test_the_real_gsm8k_is_read_whole() -> None:
    files = {name: str(GSM8K / "train.jsonl") for name in ("train", "validation")}
    real = get_task("gsm8k", {**files, "test": str(GSM8K / "test.jsonl")})
    assert len(real.examples("test")) == 1319
    assert len(real.examples("validation")) == 500
    # 7473 questions without 23 longer than 1,300 characters with their answers, calculator marks apart.
    assert len(real.examples("train")) + 500 <= 7473
    for example in real.examples("test"):
        assert real.score(example.completion, example) == Score(True, True, True)
