"""What a person should know about a method, as data."""

from typing import Any

from pydantic import Field, computed_field

from paretune.methods.requirements import accelerator_reason, extra_packages
from paretune.spec import Data


class Preset(Data):
    """A named method: what it is, how it is built, and where the search for its learning rate begins."""

    name: str
    family: str
    """Methods that work in the same way share a family."""
    description: str
    """One sentence."""
    implementation: str
    """The name of the class that builds it; see `registry.IMPLEMENTATIONS`."""
    peft_type: str | None = None
    """The type in peft's registry, where peft makes the adapter."""
    parameters: dict[str, Any] = {}
    """Parameters that differ from the library's defaults."""
    prior_learning_rate: float | None = Field(default=None, gt=0)
    """Peak rate for small models and some tens of steps; larger models want less. None where nothing is trained."""
    prior_source: str = ""
    """Where that rate comes from, in words."""
    arxiv: str | None = None
    """The paper's arXiv id; None where there is no such paper."""
    paper: str | None = None
    """The paper's address, where it is not on arXiv."""
    title: str | None = None
    """The paper's title; None where it is not known for sure."""
    year: int | None = None

    @computed_field  # type: ignore[prop-decorator]
    @property
    def accelerator_reason(self) -> str | None:
        """Why the method cannot run on a CPU with these parameters, or None where it can."""
        return accelerator_reason(self.peft_type, self.parameters)

    @computed_field  # type: ignore[prop-decorator]
    @property
    def extra_packages(self) -> tuple[str, ...]:
        """Packages beyond Paretune's own dependencies, by the names that pip knows."""
        return tuple(package.name for package in extra_packages(self.peft_type, self.parameters, self.implementation))
