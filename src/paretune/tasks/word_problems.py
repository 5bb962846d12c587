"""Multi-step arithmetic word problems made by rule, for small models on small machines.

One row:

    prompt      Question: Mia has 7 shells and buys 3 boxes with 4 shells in each. How many shells does Mia have now?
                Answer:
    completion   3 * 4 = 12. 7 + 12 = 19. #### 19
    target      19
    group       seen

The templates of group "unseen" stand in the test set alone. Half of the test questions are of each group.
"""

import random
import re
from collections.abc import Sequence
from functools import cached_property
from typing import Any, ClassVar

from paretune.spec import METRICS, InputError, TaskCard
from paretune.tasks.base import Example, Score, Split, Task
from paretune.tasks.options import whole_number
from paretune.tasks.readers import last_number, marked_number
from paretune.tasks.word_templates import TRAINED, UNSEEN, Template

_NAMES = (
    *("Ada", "Ben", "Clara", "Dmitri", "Elena", "Farid", "Gina", "Hugo", "Ines", "Jonas"),
    *("Kemal", "Lina", "Marco", "Nadia", "Otto", "Priya", "Quinn", "Rosa", "Samir", "Tessa"),
)
_THINGS = (
    *("apples", "pencils", "stickers", "marbles", "cookies", "books", "shells"),
    *("coins", "cards", "stamps", "beads", "roses", "buttons", "kites"),
)
_STEP = re.compile(r"(\w+) ([-+*/]) (\w+)")
_TRIES = 200
"""Draws for one new problem before the templates count as used up."""


class WordProblems(Task):
    """Arithmetic stories with a short chain of thought."""

    card: ClassVar[TaskCard] = TaskCard(
        name="word_problems",
        version="1",
        description="Arithmetic word problems of two or three steps, with a chain of thought. Half of the test "
        "questions are from templates that are not in the training data.",
        source="made by rule in paretune.tasks.word_problems",
        licence="Apache-2.0",
        metrics=(METRICS["accuracy"], METRICS["accuracy_lenient"]),
        parts={"seen": "from templates of the training data", "unseen": "from other templates"},
        cluster="template",
    )
    default_options: ClassVar[dict[str, Any]] = {"train_size": 1024, "validation_size": 64, "test_size": 160, "seed": 0}
    about_options = {
        "train_size": "Training examples.",
        "validation_size": "Validation questions.",
        "test_size": 'Test questions. Half of them ("unseen") are from templates that are not in the training data.',
        "seed": "Seed of the generated problems. Another seed is other data.",
    }
    option_kinds = {
        **dict.fromkeys(("train_size", "validation_size", "test_size"), whole_number()),
        "seed": whole_number(0),
    }
    size_options: ClassVar[dict[Split, str]] = {"validation": "validation_size", "test": "test_size"}
    max_new_tokens: ClassVar[int] = 40

    @classmethod
    def sample(cls) -> Example:
        """Return the first training example."""
        return cls().examples("train")[0]

    def examples(self, split: Split) -> Sequence[Example]:
        """Return the examples of a split. Raises `InputError` for sizes that the templates cannot fill."""
        return self._splits[split]

    def score(self, text: str, example: Example) -> Score:
        """Judge by the number after `####` (strict) and by the last number (lenient)."""
        return Score(marked_number(text) == example.target, last_number(text) == example.target)

    @cached_property
    def _splits(self) -> dict[Split, tuple[Example, ...]]:
        sizes = {name: self.options[name] for name in ("train_size", "validation_size", "test_size")}
        draw = random.Random(f"word_problems {self.options['seed']}")
        taken: set[str] = set()
        unseen = sizes["test_size"] // 2
        test = [
            *_problems("test-seen", TRAINED, sizes["test_size"] - unseen, "seen", draw, taken),
            *_problems("test-unseen", UNSEEN, unseen, "unseen", draw, taken),
        ]
        validation = _problems("validation", TRAINED, sizes["validation_size"], "seen", draw, taken)
        train = _problems("train", TRAINED, sizes["train_size"], "seen", draw, taken)
        return {"train": tuple(train), "validation": tuple(validation), "test": tuple(test)}


def _problems(  # noqa: PLR0917
    prefix: str, templates: Sequence[Template], size: int, group: str, draw: random.Random, taken: set[str]
) -> list[Example]:
    """Return `size` problems that are not in `taken` yet, and put them there."""
    examples: list[Example] = []
    for number in range(size):
        template = templates[number % len(templates)]
        for _ in range(_TRIES):
            question, steps = _told(template, draw)
            if question not in taken:
                break
        else:
            raise InputError(
                f'task "word_problems": template "{template.name}" has no new problem left after {number}; '
                "choose smaller sizes"
            )
        taken.add(question)
        target = steps[-1].rpartition(" ")[2]
        completion = f" {' '.join(f'{step}.' for step in steps)} #### {target}"
        examples.append(
            Example(f"{prefix}-{number}", f"Question: {question}\nAnswer:", completion, target, group, template.name)
        )
    return examples


def _told(template: Template, draw: random.Random) -> tuple[str, list[str]]:
    """Return a question and its steps, each written as `3 * 4 = 12`."""
    who, other = draw.sample(_NAMES, 2)
    a, b, c, d = draw.randint(3, 20), draw.randint(2, 6), draw.randint(2, 9), draw.randint(2, 9)
    numbers = {"a": a, "b": b, "c": c, "d": d, "bc": b * c, "rest": a + b * c}
    numbers |= {"few": min(d, b * c - 1), "less": min(b, a - 1)}
    question = template.text.format(who=who, other=other, things=draw.choice(_THINGS), **numbers)
    steps = []
    for step in template.steps:
        written, numbers["_"] = _solved(step, numbers)
        steps.append(written)
    return question, steps


def _solved(step: str, numbers: dict[str, int]) -> tuple[str, int]:
    """Return a step with its numbers in place, and its result."""
    parts = _STEP.fullmatch(step)
    assert parts is not None, step
    left, right = numbers[parts[1]], numbers[parts[3]]
    result = {"+": left + right, "-": left - right, "*": left * right, "/": left // right}[parts[2]]
    return f"{left} {parts[2]} {right} = {result}", result
