"""Small programs made by rule: write a function, which tests then call.

One row:

    prompt      def solve(numbers):
                    \"""Take a list of integers: first keep the even numbers, then return their sum.\"""
    completion      numbers = [number for number in numbers if number % 2 == 0]
                    return sum(numbers)
    target      the completion
    group       seen

A problem is a pair of steps about strings, lists, numbers, or numbers read from text. The pairs of group "unseen" stand
in the test set alone; each of their steps is in the training data in other pairs. Half of the test questions are of
each group. A program is right when it returns what the reference returns for every argument.
"""

import random
from collections import deque
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any, ClassVar

from paretune.spec import InputError, TaskCard, content_hash
from paretune.tasks.base import Example, Split
from paretune.tasks.code.judge import Case, Verdict, judge_calls
from paretune.tasks.code.metrics import TESTS_PASSED, pass_at
from paretune.tasks.code.sandbox import Limits, Sandbox
from paretune.tasks.code.steps import Pair, pairs, problem, results
from paretune.tasks.code.task import CODE_ABOUT, CODE_KINDS, CODE_OPTIONS, CodeTask
from paretune.tasks.options import whole_number

_ENTRY = "solve"
_UNSEEN = 5
"""One pair in so many is in the test set alone."""
_TRIES = 100
"""Draws for one new problem before the pair counts as used up."""
_FEWEST_RESULTS = 3
"""Different results that the tests of a problem have at least, so that no constant passes them; 2 of true and false."""


class CodeProblems(CodeTask):
    """Functions of two steps."""

    card: ClassVar[TaskCard] = TaskCard(
        name="code_problems",
        version="1",
        description="Write a small Python function from its description; tests run it in a sandbox. Half of the test "
        "problems combine steps in ways that are not in the training data.",
        source="made by rule in paretune.tasks.code_problems",
        licence="Apache-2.0",
        metrics=(pass_at(1), TESTS_PASSED),
        parts={"seen": "pairs of steps of the training data", "unseen": "other pairs of the same steps"},
        cluster="step pair",
    )
    default_options: ClassVar[dict[str, Any]] = {
        "train_size": 1024,
        "validation_size": 64,
        "test_size": 160,
        "num_tests": 8,
        "seed": 0,
        **CODE_OPTIONS,
    }
    about_options = {
        "train_size": "Training examples.",
        "validation_size": "Validation problems.",
        "test_size": 'Test problems. Half of them ("unseen") are of pairs of steps that are not in the training data.',
        "num_tests": "Tests of each problem.",
        "seed": "Seed of the problems. Another seed is other data.",
        **CODE_ABOUT,
    }
    option_kinds = {
        **dict.fromkeys(("train_size", "validation_size", "test_size"), whole_number()),
        "num_tests": whole_number(_FEWEST_RESULTS),
        "seed": whole_number(0),
        **CODE_KINDS,
    }
    size_options: ClassVar[dict[Split, str]] = {"validation": "validation_size", "test": "test_size"}

    @classmethod
    def sample(cls) -> Example:
        """Return the first training example."""
        return cls({"train_size": 1, "validation_size": 1, "test_size": 2}).examples("train")[0]

    def examples(self, split: Split) -> Sequence[Example]:
        """Return the problems of a split. Raises `InputError` for sizes that the steps cannot fill."""
        return self._problems[0][split]

    def judge(self, program: str, example: Example, sandbox: Sandbox, limits: Limits) -> Verdict:
        """Call the function with the arguments of every test."""
        return judge_calls(program, _ENTRY, self._problems[1][example.id], sandbox, limits)

    @cached_property
    def content_hash(self) -> str:
        """Hash over every example of every split, and every test."""
        examples, cases = self._problems
        return content_hash("\n".join(repr((one, cases[one.id])) for split in examples.values() for one in split))

    @cached_property
    def _problems(self) -> tuple[Mapping[Split, tuple[Example, ...]], Mapping[str, Sequence[Case]]]:
        options = self.options
        draw = random.Random(f"code_problems {options['seed']}")
        seen, unseen = _parted(draw)
        made = _Made(draw, options["num_tests"])
        half = options["test_size"] // 2
        train = made.problems("train", seen, options["train_size"], "seen")
        trained = [pair for pair in seen if pair.name in {one.cluster for one in train}]
        validation = made.problems("validation", trained, options["validation_size"], "seen")
        test = made.problems("test-seen", trained, options["test_size"] - half, "seen")
        test += made.problems("test-unseen", unseen, half, "unseen")
        return {"train": tuple(train), "validation": tuple(validation), "test": tuple(test)}, made.cases


class _Made:
    """The problems that were made, none twice, and their tests."""

    def __init__(self, draw: random.Random, num_tests: int) -> None:
        self.cases: dict[str, Sequence[Case]] = {}
        self._draw = draw
        self._num_tests = num_tests
        self._taken: set[str] = set()

    def problems(self, prefix: str, of: Sequence[Pair], size: int, group: str) -> list[Example]:
        """Return new problems, of each pair in turn until it has none left. Raises `InputError` where none has."""
        found: list[Example] = []
        left = deque(of)
        while len(found) < size:
            if not left:
                raise InputError(
                    f'task "code_problems": only {len(found)} new problems can be made for {prefix}, and {size} are '
                    "asked for; choose smaller sizes, or more training examples"
                )
            pair = left.popleft()
            if (made := self._new(f"{prefix}-{len(found)}", pair, group)) is not None:
                found.append(made)
                left.append(pair)
        return found

    def _new(self, name: str, pair: Pair, group: str) -> Example | None:
        for _ in range(_TRIES):
            made = problem(pair, self._draw, self._num_tests)
            if made.header in self._taken:
                continue
            found = results(made.header + made.body, made.arguments)
            if _tells(found):
                self._taken.add(made.header)
                self.cases[name] = [Case((one,), result) for one, result in zip(made.arguments, found, strict=True)]
                return Example(name, made.header, made.body, made.body, group, pair.name)
        return None


def _parted(draw: random.Random) -> tuple[list[Pair], list[Pair]]:
    """Return the pairs that are trained on and those that are not, each in a drawn order."""
    every = pairs()
    draw.shuffle(every)
    unseen = every[::_UNSEEN]
    chosen = {pair.name for pair in unseen}
    return [pair for pair in every if pair.name not in chosen], unseen


def _tells(found: Sequence[Any]) -> bool:
    """Tell whether results differ enough that a program which ignores its argument fails."""
    different = len({repr(one) for one in found})
    return different >= (2 if isinstance(found[0], bool) else _FEWEST_RESULTS)
