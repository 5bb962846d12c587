"""The tasks in words that come with Paretune keep the contract that plug-ins inherit, and the contract notices."""

import json
from pathlib import Path
from typing import Any, ClassVar

import pytest

from paretune.tasks import Example, Score, Task
from paretune.tasks.own_data import OwnData
from paretune.tasks.word_problems import WordProblems
from paretune.testing import TaskContract
from tests.tasks.data.images import image_folder
from tests.tasks.test_gsm8k import metamath, rows, written

SMALL = {"train_size": 48, "validation_size": 12, "test_size": 16}


class TestWordProblems(TaskContract):
    task = "word_problems"
    options = SMALL
    wrong_options: ClassVar[dict[str, Any]] = {"train_size": 0, "test_size": True, "seed": -1}


class TestVisualQuestions(TaskContract):
    task = "visual_questions"
    options = SMALL
    wrong_options: ClassVar[dict[str, Any]] = {"train_size": 0, "test_size": True, "seed": -1, "pictures": "none"}


class TestCaptions(TaskContract):
    task = "captions"
    options = SMALL
    wrong_options: ClassVar[dict[str, Any]] = {"train_size": 0, "test_size": True, "seed": -1}


class TestGsm8k(TaskContract):
    task = "gsm8k"
    wrong_options: ClassVar[dict[str, Any]] = {
        "template": "Question:", "validation_size": 40, "train_size": 0, "stop": "x", "clean_validation": 1,
    }  # fmt: skip

    @pytest.fixture(autouse=True)
    def _data(self, tmp_path: Path) -> None:
        self.options = {
            "train": written(tmp_path / "meta.jsonl", metamath(40)),
            "validation": written(tmp_path / "train.jsonl", rows(40)),
            "test": written(tmp_path / "test.jsonl", rows(10, first=1000)),
            "validation_size": 8,
        }


class TestOwnData(TaskContract):
    task = "own_data"
    wrong_options: ClassVar[dict[str, Any]] = {
        "path": None, "validation_fraction": 0.5, "test_fraction": False, "max_new_tokens": 0, "group": "",
    }  # fmt: skip

    @pytest.fixture(autouse=True)
    def _data(self, tmp_path: Path) -> None:
        path = tmp_path / "capitals.jsonl"
        lines = [{"prompt": f"What is {n} plus one?", "completion": f"It is {n + 1}"} for n in range(40)]
        path.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
        self.options = {"path": str(path)}


class TestOwnDataByOtherMetrics(TestOwnData):
    wrong_options: ClassVar[dict[str, Any]] = {"metric": [], "choices": ""}

    @pytest.fixture(autouse=True)
    def _metrics(self, _data: None) -> None:
        self.options = {**self.options, "metric": ["choice", "perplexity", "f1"]}


class TestOwnImages(TaskContract):
    task = "own_data"
    wrong_options: ClassVar[dict[str, Any]] = {"image_column": "", "image_prompt": 1}

    @pytest.fixture(autouse=True)
    def _data(self, tmp_path: Path) -> None:
        self.options = {"path": str(image_folder(tmp_path)), "image_column": "file_name"}


class _Broken(WordProblems):
    """Word problems with a fault, as `fault` says."""

    fault: ClassVar[str]

    def examples(self, split: Any) -> list[Example]:
        found = list(super().examples("train" if self.fault == "splits" else split))
        if self.fault == "data":
            found.append(found[0]._replace(id=f"again {id(self)}"))
        return found

    def score(self, text: str, example: Example) -> Any:
        match self.fault:
            case "raises":
                return {"accuracy": float(text), "accuracy_lenient": 1.0}
            case "undeclared":
                return {"accuracy": 1.0}
            case "bounds":
                return {"accuracy": 1.0 + len(text), "accuracy_lenient": 1.0}
            case "references":
                return Score(text == "yes", True)
        return Score(True, True)


@pytest.mark.parametrize(
    ("fault", "test"),
    [
        ("splits", "test_splits_are_apart_and_no_id_comes_twice"),
        ("data", "test_the_same_options_give_the_same_data"),
        ("raises", "test_score_never_raises_and_gives_the_declared_metrics"),
        ("undeclared", "test_score_never_raises_and_gives_the_declared_metrics"),
        ("bounds", "test_score_never_raises_and_gives_the_declared_metrics"),
        ("references", "test_references_score_best"),
    ],
)
def test_the_contract_notices(fault: str, test: str) -> None:
    class Broken(_Broken):
        pass

    Broken.fault = fault

    class Contract(TaskContract):
        def make(self, **options: Any) -> Task:
            return Broken({**SMALL, **options})

    with pytest.raises((AssertionError, ValueError)):
        getattr(Contract(), test)()


def test_an_option_without_its_line_is_noticed() -> None:
    class Silent(OwnData):
        about_options: ClassVar[dict[str, str]] = {}

    class Contract(TaskContract):
        def make(self, **options: Any) -> Task:
            return Silent({"path": "never-read.jsonl", **options})

    with pytest.raises(AssertionError):
        Contract().test_every_option_is_described()
