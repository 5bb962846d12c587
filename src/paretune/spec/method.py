"""How a study names a method, and what a trial holds once presets are filled in."""

from typing import Annotated, Any, Self

from pydantic import ConfigDict, Field, model_validator

from paretune.spec.base import Data
from paretune.spec.tuning import Between, TunedValues

Label = Annotated[str, Field(min_length=1, max_length=80, pattern=r"^[^\x00-\x1f\x7f]+$")]
"""What stands in one line of a table."""


UNTRAINED = frozenset({"base", "tfidf"})
"""Implementations that train neither the base model nor anything added to it."""


class MethodEntry(Data):
    """A method as a person writes it in a study: a name and what differs from its preset."""

    model_config = ConfigDict(allow_inf_nan=False)

    name: str = Field(min_length=1)
    """A preset ("lora", "full", "base"), a peft type ("hira"), or a plug-in's method."""
    label: Label | None = None
    """How the row is called; needed when one method is entered twice."""
    learning_rate: float | None = Field(default=None, gt=0)
    """Learning rate for this method alone; otherwise the study's, otherwise the method's prior. Where the study tunes,
    it takes the prior's place in the middle of the rates."""
    parameters: dict[str, Any] = {}
    """The method's own parameters (fields of its peft config)."""
    tune: dict[str, TunedValues] = {}
    """Parameters that are tuned together with the rate: a list of values each, or a range for a sampler."""
    recipe: dict[str, Any] = {}
    """An explicit departure from the study's recipe, shown with the result."""

    @property
    def row_label(self) -> str:
        """How the row is called: its label, or else its name, with the parts of the model that it trains if it says so.

        Such as "lora (vision)".
        """
        targets = self.parameters.get("targets")
        named = isinstance(targets, str) and targets.replace("+", "").isalpha()
        return self.label or (f"{self.name} ({targets})" if named else self.name)

    @model_validator(mode="before")
    @classmethod
    def _from_name(cls, value: Any) -> Any:
        return {"name": value} if isinstance(value, str) else value

    @model_validator(mode="after")
    def _fixed_or_tuned(self) -> Self:
        for name, values in self.tune.items():
            if name in self.parameters:
                raise ValueError(f'"{name}" is both in parameters and in tune: keep one of them')
            listed = () if isinstance(values, Between) else values
            for place, value in enumerate(listed):
                if value in listed[:place]:
                    raise ValueError(f"tune.{name}: {value!r} is there twice")
        return self


class MethodSpec(Data):
    """A method with nothing left open: the same spec always builds the same thing."""

    name: str
    """The name it was asked for by."""
    label: str
    """The row's name in tables and pictures."""
    implementation: str
    """The class that builds it, by its name in the registry: "peft", "full", "base" or a plug-in's."""
    peft_type: str | None = None
    """The type in peft's registry, where peft makes the adapter."""
    parameters: dict[str, Any] = {}
    """Every parameter that the preset or the study sets; what is absent is the library's default."""

    @property
    def trains(self) -> bool:
        """Whether the base model, or something added to it, is trained."""
        return self.implementation not in UNTRAINED
