"""A small task of sorting texts into classes."""

from collections.abc import Sequence
from typing import Any, ClassVar

from paretune.spec import METRICS, TaskCard
from paretune.tasks import ClassificationTask, LabelledExample, Split


class FirstLetter(ClassificationTask):
    """Is the first letter a vowel?"""

    card: ClassVar[TaskCard] = TaskCard(
        name="first_letter", version="1", description="", source="", licence="", metrics=(METRICS["accuracy"],)
    )
    default_options: ClassVar[dict[str, Any]] = {"wrong_label": False}
    labels = ("vowel", "consonant")

    def examples(self, split: Split) -> Sequence[LabelledExample]:
        """Return words of different lengths."""
        letters = {"train": "abcdefghijkl", "validation": "oprt", "test": "eiuxz"}[split]
        wrong = "neither" if self.options["wrong_label"] else "consonant"
        return [
            LabelledExample(f"{split}-{one}", one + "x" * (8 + place % 3), "vowel" if one in "aeiou" else wrong)
            for place, one in enumerate(letters)
        ]
