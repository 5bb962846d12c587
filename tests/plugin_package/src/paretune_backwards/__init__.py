"""Backwards: a task in words whose main metric is a distance, of which less is better.

One row:

    prompt      Spell backwards: tolima
                Answer:
    completion   amilot
    target      amilot
"""

import random
from collections import Counter
from collections.abc import Sequence
from typing import ClassVar

from paretune.spec import METRICS, Direction, Metric, TaskCard, Unit
from paretune.tasks import CorpusMetric, Example, Split, Task
from paretune.tasks.metrics import TextMetric
from paretune.tasks.options import whole_number

EDIT_DISTANCE = Metric(
    name="edit_distance",
    label="Edit distance",
    definition="Letters to insert, delete or replace before the answer is right, mean over words.",
    direction=Direction.LOWER,
    low=0,
    items="words",
)
LETTERS_F1 = Metric(
    name="letters_f1",
    label="F1 of letters",
    definition="Letters that are in the answer and should be, against all that are in either, over all words.",
    unit=Unit.FRACTION,
    per="corpus",
    items="words",
)


class Backwards(Task):
    """Words to be spelt backwards."""

    card: ClassVar[TaskCard] = TaskCard(
        name="backwards",
        version="1",
        description="Spell a made-up word backwards.",
        source="made by rule",
        licence="Apache-2.0",
        metrics=(EDIT_DISTANCE, LETTERS_F1, METRICS["accuracy"]),
    )
    default_options = {"train": 64, "validation": 8, "test": 24}
    about_options = {split: f"Words of the {split} split." for split in default_options}
    option_kinds = dict.fromkeys(default_options, whole_number())
    max_new_tokens = 8

    def examples(self, split: Split) -> Sequence[Example]:
        """Return the words of a split, which are in no other."""
        words = made_words(sum(self.options.values()))
        start = {"train": 0, "validation": self.options["train"], "test": len(words) - self.options["test"]}[split]
        return [
            Example(f"{split}-{word}", f"Spell backwards: {word}\nAnswer:", f" {word[::-1]}", word[::-1], "all")
            for word in words[start : start + self.options[split]]
        ]

    def score(self, text: str, example: Example) -> dict[str, float]:
        """Return the values of one answer."""
        distance = edit_distance(text.strip()[:100], example.target)
        return {"edit_distance": distance, "accuracy": float(distance == 0)}

    corpus_metrics = {
        "letters_f1": CorpusMetric(
            read=lambda text, example: tuple(map(len, letters(text.strip(), example.target))),
            value=lambda counts: 2 * sum(both for both, _, _ in counts) / sum(said + due for _, said, due in counts),
        )
    }


class EditDistance(TextMetric):
    """How far an answer is from its reference, for `--metric edit_distance` on any data."""

    metrics = (EDIT_DISTANCE,)

    def score(self, text: str, example: Example) -> dict[str, float]:
        """Return the value of one answer."""
        return {"edit_distance": edit_distance(text.strip()[:100], example.target)}


def made_words(number: int) -> list[str]:
    """Return that many different words, always the same."""
    draw = random.Random("backwards")
    words: dict[str, None] = {}
    while len(words) < number:
        words["".join(draw.choice("bdklmnrst") + draw.choice("aeiou") for _ in range(draw.randint(2, 3)))] = None
    return list(words)


def letters(said: str, due: str) -> tuple[str, str, str]:
    """Return the letters that two texts share, and both texts."""
    return "".join((Counter(said) & Counter(due)).elements()), said, due


def edit_distance(one: str, other: str) -> float:
    """Return how many letters have to be inserted, deleted or replaced (Levenshtein)."""
    row = list(range(len(other) + 1))
    for number, letter in enumerate(one, 1):
        diagonal, row[0] = row[0], number
        for place, wanted in enumerate(other, 1):
            diagonal, row[place] = row[place], min(row[place] + 1, row[place - 1] + 1, diagonal + (letter != wanted))
    return float(row[-1])
