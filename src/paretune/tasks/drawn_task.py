"""Tasks about drawn pictures: half of the test is about combinations that are in no training picture."""

import random
from abc import abstractmethod
from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import Any, ClassVar, NamedTuple

from paretune.spec import IMAGE_TEXT, InputError, ModelKind
from paretune.tasks.base import Example, Split, Task
from paretune.tasks.options import whole_number

SIZES = ("train_size", "validation_size", "test_size")
_TRIES = 500
"""Draws for one new example before the rules count as used up."""


class Drawn(NamedTuple):
    """An example as it was drawn."""

    example: Example
    """Its id is still to be given."""
    picture: bytes
    """The picture that it is about, also where the example shows another one."""


class DrawnTask(Task):
    """Draws examples by rule. Subclasses set options `SIZES` and `seed`, and write `draw_one`.

    Guarantees: no prompt about one picture is in two splits; every example of the group "unseen" is in the test split.
    """

    kind: ClassVar[ModelKind] = IMAGE_TEXT
    option_kinds = {**dict.fromkeys(SIZES, whole_number()), "seed": whole_number(0)}
    size_options: ClassVar[dict[Split, str]] = {"validation": "validation_size", "test": "test_size"}
    stop: ClassVar[tuple[str, ...]] = ("\n",)
    is_new: ClassVar[str] = "example"
    """What is new about an example, in the message that none is left."""
    learnt_in_turn: ClassVar[tuple[Split, Split]] = ("train", "validation")
    """The order in which these splits are drawn, on which their examples depend."""

    @classmethod
    def sample(cls) -> Example:
        """Return the first training example."""
        return cls().examples("train")[0]

    def examples(self, split: Split) -> Sequence[Example]:
        """Return the examples of a split. Raises `InputError` for sizes that the rules cannot fill."""
        return self._splits[split]

    @abstractmethod
    def draw_one(self, number: int, group: str, draw: random.Random) -> Drawn | None:
        """Return an example for the place `number` of its split; None where the draw came to nothing."""

    @cached_property
    def _splits(self) -> dict[Split, tuple[Example, ...]]:
        sizes: dict[str, Any] = {name: self.options[name] for name in SIZES}
        draw = random.Random(f"{self.card.name} {self.options['seed']}")
        unseen, taken = sizes["test_size"] // 2, set[tuple[str, bytes]]()
        test = (
            *self._examples("test-seen", sizes["test_size"] - unseen, "seen", draw, taken),
            *self._examples("test-unseen", unseen, "unseen", draw, taken),
        )
        learnt: dict[Split, tuple[Example, ...]] = {
            split: tuple(self._examples(split, sizes[f"{split}_size"], "seen", draw, taken))
            for split in self.learnt_in_turn
        }
        return {**learnt, "test": test}

    def _examples(
        self, prefix: str, size: int, group: str, draw: random.Random, taken: set[tuple[str, bytes]]
    ) -> Iterator[Example]:
        """Yield `size` examples whose pictures and prompts are not in `taken` yet, and put them there."""
        for number in range(size):
            for _ in range(_TRIES):
                found = self.draw_one(number, group, draw)
                if found is not None and (found.example.prompt, found.picture) not in taken:
                    break
            else:
                raise InputError(
                    f'task "{self.card.name}": no new {self.is_new} left after {number} of {prefix}; choose smaller '
                    "sizes"
                )
            taken.add((found.example.prompt, found.picture))
            yield found.example._replace(id=f"{prefix}-{number}")
