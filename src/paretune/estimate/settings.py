"""What an estimate is asked for."""

from pathlib import Path
from typing import Literal

from pydantic import Field, model_validator

from paretune.spec import Recipe
from paretune.spec.base import Data

Quantised = Literal["4bit", "8bit"]

DEFAULT_SEQUENCE_LENGTH = 512
DEFAULT_TEXT_LENGTH = 512


class EstimateSettings(Data):
    """Everything beside model and method that memory depends on."""

    recipe: Recipe = Recipe(batch_size=4, dtype="bfloat16")
    """Batch size, number formats, optimizer and gradient checkpointing are taken from it."""
    sequence_length: int | None = Field(default=None, ge=1)
    """Tokens of the longest example; for diffusion models, tokens of the text."""
    data: Path | None = None
    """A file with the columns prompt and completion, from which the longest batch is taken instead."""
    resolution: int = Field(default=512, ge=16)
    """Height and width of the pictures of a diffusion model, in pixels."""
    quantised: Quantised | None = None
    """How the base model's linear layers are held."""
    device: Literal["cuda", "cpu"] = "cuda"
    prompt_length: int | None = Field(default=None, ge=1)
    """Tokens of the questions that are answered; half the sequence length where it is not given."""
    new_tokens: int = Field(default=256, ge=1)
    """Tokens that are generated for each answer."""
    budgets: tuple[int, ...] = ()
    """Memory that there is, in bytes."""
    num_devices: int = Field(default=1, ge=1)
    """Devices over which training is sharded."""

    @model_validator(mode="after")
    def _one_source_of_length(self) -> "EstimateSettings":
        if self.sequence_length is not None and self.data is not None:
            raise ValueError("sequence_length and data exclude each other: the length is taken from the data")
        return self
