"""What an estimate is asked for."""

from pathlib import Path
from typing import Literal

from pydantic import Field, field_validator, model_validator

from paretune.estimate.gpus import Gpu, find_gpu
from paretune.spec import Recipe
from paretune.spec.base import Data

DEFAULT_SEQUENCE_LENGTH = 512
DEFAULT_TEXT_LENGTH = 512


class EstimateSettings(Data):
    """Everything that memory depends on, apart from model and method."""

    recipe: Recipe = Recipe(batch_size=4, dtype="bfloat16")
    """Batch size, dtypes, quantisation, optimizer and gradient checkpointing are taken from it."""
    sequence_length: int | None = Field(default=None, ge=1)
    """Tokens of the longest example; for diffusion models, tokens of the text."""
    data: Path | None = None
    """A file with the columns prompt and completion, from which the longest batch is taken instead."""
    resolution: int = Field(default=512, ge=16)
    """Height and width of the pictures of a diffusion model, in pixels."""
    device: Literal["cuda", "cpu"] = "cuda"
    gpu: str | None = None
    """The GPU, by a name in `GPUS`; None for whichever takes most. It also says how much memory there is."""
    prompt_length: int | None = Field(default=None, ge=1)
    """Tokens of the questions that are answered; half the sequence length where it is not given."""
    new_tokens: int = Field(default=256, ge=1)
    """Tokens that are generated for each answer."""
    budgets: tuple[int, ...] = ()
    """Memory that there is, in bytes."""
    num_devices: int = Field(default=1, ge=1)
    """Devices over which training is sharded."""
    cpu_offload: bool = False
    """With several devices: what each would hold is kept in main memory."""

    @field_validator("gpu")
    @classmethod
    def _known_gpu(cls, name: str | None) -> str | None:
        return None if name is None else find_gpu(name).name

    @model_validator(mode="after")
    def _gpu_of_a_gpu(self) -> "EstimateSettings":
        if self.gpu is not None and self.device == "cpu":
            raise ValueError(f'gpu "{self.gpu}" and device "cpu" exclude each other')
        return self

    @model_validator(mode="after")
    def _offload_of_shards(self) -> "EstimateSettings":
        if self.cpu_offload and self.num_devices == 1:
            raise ValueError("cpu_offload belongs to sharded training: say on how many devices, at least 2")
        if self.cpu_offload and self.device == "cpu":
            raise ValueError('cpu_offload moves to main memory what is on a GPU: leave it out with device "cpu"')
        return self

    @model_validator(mode="after")
    def _one_source_of_length(self) -> "EstimateSettings":
        if self.sequence_length is not None and self.data is not None:
            raise ValueError("sequence_length and data exclude each other: the length is taken from the data")
        return self

    @property
    def card(self) -> Gpu | None:
        """The GPU that was asked for."""
        return None if self.gpu is None else find_gpu(self.gpu)

    @property
    def all_budgets(self) -> tuple[int, ...]:
        """The budgets that were asked for, and the memory of the GPU."""
        of_card = () if self.card is None else (self.card.memory_bytes,)
        return tuple(dict.fromkeys((*self.budgets, *of_card)))
