"""The training settings that all methods of a study share."""

from typing import Literal, Self

from pydantic import Field, model_validator

from paretune.spec.base import Data


class Recipe(Data):
    """How a model is trained and asked, whatever the method. Every field is shown beside the results."""

    steps: int = Field(default=40, ge=1)
    """Optimizer steps."""
    batch_size: int = Field(default=8, ge=1)
    """Examples in one forward pass."""
    gradient_accumulation: int = Field(default=1, ge=1)
    """Forward passes for one optimizer step."""
    max_length: int = Field(default=512, ge=8)
    """Longest example in tokens; longer ones are left out and counted."""
    optimizer: Literal["adamw", "sgd"] = "adamw"
    """The optimizer of every method that does not bring its own."""
    weight_decay: float = Field(default=0.0, ge=0)
    """Decoupled weight decay."""
    max_grad_norm: float = Field(default=1.0, gt=0)
    """Gradients are scaled down to this Euclidean norm."""
    schedule: Literal["cosine", "linear", "constant"] = "cosine"
    """How the learning rate falls after the warm-up."""
    warmup_ratio: float = Field(default=0.1, ge=0, lt=1)
    """Share of the steps in which the learning rate rises linearly from zero."""
    dtype: Literal["float32", "bfloat16"] = "float32"
    """Number format of the base model's weights."""
    trainable_dtype: Literal["float32", "as_base"] = "float32"
    """Number format of the parameters that are trained: small updates vanish in bfloat16."""
    gradient_checkpointing: bool = False
    """Compute activations twice instead of keeping them."""
    answer_batch_size: int = Field(default=32, ge=1)
    """Questions answered in one generation batch."""
    memory_answer_batch_size: int = Field(default=8, ge=1)
    """Questions answered at once in the separate pass in which generation's memory is counted."""
    memory_steps: int = Field(default=2, ge=1)
    """Steps of the separate pass in which memory is counted, on the longest batches."""

    @model_validator(mode="after")
    def _warmup_leaves_steps(self) -> Self:
        if self.warmup_steps >= self.steps and self.warmup_steps > 0:
            raise ValueError(f"warmup_ratio {self.warmup_ratio} leaves no step after the warm-up of {self.steps} steps")
        return self

    @property
    def warmup_steps(self) -> int:
        """Optimizer steps in the warm-up."""
        return round(self.steps * self.warmup_ratio)
