"""The base model as it is, perhaps shown some worked examples before every question."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

from pydantic import NonNegativeInt
from torch import nn

from paretune.methods.base import Context, Method


class BaseModel(Method):
    """Trains nothing. `shots` worked examples stand before every question (default 0)."""

    own_parameters: ClassVar[Mapping[str, Any]] = {"shots": NonNegativeInt}

    @property
    def pools_answers(self) -> bool:
        """Yes: nothing is attached."""
        return True

    @property
    def leaves_base_model(self) -> bool:
        """Yes: it is the base model itself."""
        return True

    def wrap(self, model: nn.Module, context: Context) -> nn.Module:  # noqa: ARG002
        """Return the model with every parameter frozen."""
        return model.requires_grad_(False)

    def save(self, model: nn.Module, folder: Path) -> None:
        """Write nothing: there is nothing that the base model does not already hold."""

    def load(self, model: nn.Module, folder: Path) -> nn.Module:  # noqa: ARG002
        """Return the base model in eval mode."""
        return model.requires_grad_(False).eval()

    @property
    def num_shots(self) -> int:
        """Worked examples put before every question."""
        return int(self.spec.parameters.get("shots", 0))
