"""Mark the digits of a text.

One example:

    text   "a1b22"
    marks  ".x.xx"
"""

import random
from collections.abc import Sequence
from functools import cached_property
from typing import Any, ClassVar

from paretune.spec import METRICS, TaskCard, content_hash
from paretune.tasks import Split
from paretune.tasks.options import whole_number

from . import Tagged, TaggingTask

_SIZES: dict[Split, int] = {"train": 32, "validation": 8, "test": 12}


class Digits(TaggingTask):
    """Short texts of letters and digits, made by rule."""

    card: ClassVar[TaskCard] = TaskCard(
        name="digits",
        version="1",
        description="Mark the digits of a text; right when every character is.",
        source="made by rule",
        licence="Apache-2.0",
        metrics=(METRICS["accuracy"],),
    )
    default_options: ClassVar[dict[str, Any]] = {"length": 6}
    about_options = {"length": "Characters of a text."}
    option_kinds = {"length": whole_number(1)}

    def examples(self, split: Split) -> Sequence[Tagged]:
        """Return the examples of a split."""
        return self._splits[split]

    @cached_property
    def content_hash(self) -> str:
        """Hash over every text."""
        return content_hash(repr(self._splits))

    @cached_property
    def _splits(self) -> dict[Split, tuple[Tagged, ...]]:
        draw, length = random.Random(0), self.options["length"]
        return {
            split: tuple(_text(f"{split}-{number}", length, draw) for number in range(size))
            for split, size in _SIZES.items()
        }


def _text(name: str, length: int, draw: random.Random) -> Tagged:
    text = "".join(draw.choice("abcdefgh12345678") for _ in range(length))
    return Tagged(name, text, "".join("x" if character.isdecimal() else "." for character in text))
