"""The training settings that all methods of a study share."""

from typing import Literal, Self

from pydantic import ConfigDict, Field, model_validator

from paretune.spec.base import LARGEST_COUNT, Data, later
from paretune.spec.image import ImageRecipe


class Recipe(Data):
    """How a model is trained and asked, whatever the method. Every field is shown beside the results."""

    model_config = ConfigDict(allow_inf_nan=False)

    steps: int = Field(default=40, ge=1, le=LARGEST_COUNT)
    """Optimizer steps."""
    batch_size: int = Field(default=8, ge=1, le=LARGEST_COUNT)
    """Examples in one forward pass."""
    gradient_accumulation: int = Field(default=1, ge=1, le=LARGEST_COUNT)
    """Forward passes for one optimizer step."""
    max_length: int = Field(default=512, ge=8, le=LARGEST_COUNT)
    """Longest example in tokens; longer ones are left out and counted."""
    optimizer: Literal["adamw", "sgd"] = "adamw"
    """The optimizer of every method that does not bring its own."""
    weight_decay: float = Field(default=0.0, ge=0)
    """Decoupled weight decay."""
    max_grad_norm: float = Field(default=1.0, gt=0, allow_inf_nan=True)
    """Gradients are scaled down to this Euclidean norm; infinity leaves them as they are."""
    schedule: Literal["cosine", "linear", "constant"] = "cosine"
    """How the learning rate falls after the warm-up."""
    warmup_ratio: float = Field(default=0.1, ge=0, lt=1)
    """Share of the steps in which the learning rate rises linearly from zero."""
    dtype: Literal["float32", "bfloat16"] = "float32"
    """dtype of the base model's weights."""
    trainable_dtype: Literal["float32", "as_base", "as_library"] = "float32"
    """dtype of the parameters that are trained: small updates vanish in bfloat16. "as_library": what peft makes
    of it, float32 for most adapters and the base's for some."""
    gradient_checkpointing: bool = False
    """Compute activations twice instead of keeping them."""
    answer_batch_size: int = Field(default=32, ge=1, le=LARGEST_COUNT)
    """Questions answered in one generation batch, 1 for methods that are evaluated so: see the row. In bfloat16 some
    answers depend on it, through rounding."""
    memory_answer_batch_size: int = Field(default=8, ge=1, le=LARGEST_COUNT)
    """Questions answered at once in the separate pass in which generation's memory is counted."""
    memory_steps: int = Field(default=2, ge=1, le=LARGEST_COUNT)
    """Steps of the separate pass in which memory is counted, on the longest batches."""
    quantisation: Literal["4bit", "8bit"] | None = later(None)
    """dtype of the base model's linear layers where it is not `dtype`: bitsandbytes' NF4 or int8 (CUDA)."""
    attention: Literal["sdpa", "eager", "flash_attention_2"] = later("sdpa")
    """How attention is computed, by its name in transformers."""
    compile: bool = later(False)
    """Compile the wrapped model with torch.compile to train it; all logits are then computed, not the answers' only."""
    loss_on: Literal["answer", "whole_text"] = later("answer")
    """The tokens that the loss is taken on."""
    data_order: Literal["shuffled", "as_listed"] = later("shuffled")
    """Shuffled anew by the seed in each pass; or as the task lists the examples, 20 batches at a time longest first."""
    temperature: float = later(0.0, ge=0)
    """Answers are sampled at this temperature; 0 takes the likeliest token."""
    top_p: float = later(1.0, gt=0, le=1)
    """Sampling draws from the fewest tokens whose probabilities add up to this much."""
    image: ImageRecipe | None = later(None)
    """How an image model is trained and sampled; None with language models."""

    @model_validator(mode="after")
    def _warmup_leaves_steps(self) -> Self:
        if self.warmup_steps >= self.steps and self.warmup_steps > 0:
            raise ValueError(f"warmup_ratio {self.warmup_ratio} leaves no step after the warm-up of {self.steps} steps")
        return self

    @property
    def warmup_steps(self) -> int:
        """Optimizer steps in the warm-up."""
        return round(self.steps * self.warmup_ratio)
