"""The training settings that all methods of a study share."""

import math
from collections.abc import Mapping
from typing import Any, Literal, Self

from pydantic import ConfigDict, Field, field_validator, model_validator

from paretune.spec.base import LARGEST_COUNT, Data, later
from paretune.spec.image import ImageRecipe
from paretune.spec.quantisation import FOUR_BITS, Quantisation, QuantisedFormat, present_name
from paretune.spec.sharding import Sharding


class Recipe(Data):
    """How a model is trained and evaluated, the same for every method. Every field is shown next to the results."""

    model_config = ConfigDict(allow_inf_nan=False)

    steps: int = Field(default=40, ge=1, le=LARGEST_COUNT)
    """Optimizer steps, where `epochs` is not given."""
    epochs: float | None = later(None, gt=0, le=LARGEST_COUNT)
    """Passes over the training examples, in place of `steps`: a plan turns them into steps."""
    min_steps: int | None = later(None, ge=1, le=LARGEST_COUNT)
    """With `epochs`: train at least so many steps."""
    max_steps: int | None = later(None, ge=1, le=LARGEST_COUNT)
    """With `epochs`: train at most so many steps."""
    stop_after: int | None = later(None, ge=1, le=LARGEST_COUNT)
    """Steps after which training ends early, on the schedule of all `steps`; None trains all of them."""
    batch_size: int = Field(default=8, ge=1, le=LARGEST_COUNT)
    """Examples in one forward pass."""
    gradient_accumulation: int = Field(default=1, ge=1, le=LARGEST_COUNT)
    """Forward passes for one optimizer step."""
    max_length: int = Field(default=512, ge=8, le=LARGEST_COUNT)
    """Longest example in tokens; longer prompts with completions, and conversations, are left out and counted; plain
    texts and labelled ones are cut."""
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
    quantisation: QuantisedFormat | None = later(None)
    """Format of the base model's linear layers where it is not `dtype`, by bitsandbytes or torchao; "none" for none."""
    double_quantisation: bool = later(True)
    """With "nf4" and "fp4": quantise the scales of the weights too, as QLoRA does."""
    quantised_compute_dtype: Literal["float32", "bfloat16"] | None = later(None)
    """With "nf4" and "fp4": dtype in which products with quantised weights are computed; None for `dtype`."""
    attention: Literal["sdpa", "eager", "flash_attention_2"] = later("sdpa")
    """How attention is computed, by its name in transformers."""
    compile: Literal[False, True, "blocks"] = later(False)
    """Compile the wrapped model with torch.compile to train it. As a whole all logits are computed, not the answers'
    only; "blocks" compiles block by block, in less time."""
    loss_chunks: int = later(1, ge=1, le=LARGEST_COUNT)
    """Parts in which logits and their loss are computed, one after another, so that only one part's logits exist at a
    time; equal but for rounding, for models that write text."""
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
    sharding: Sharding | None = later(None)
    """How training is spread over several devices; None trains on one."""

    @field_validator("quantisation", mode="before")
    @classmethod
    def _by_its_present_name(cls, value: Any) -> Any:
        return present_name(value)

    @model_validator(mode="after")
    def _settings_of_4_bits(self) -> Self:
        if self.quantisation not in FOUR_BITS:
            for name in ("double_quantisation", "quantised_compute_dtype"):
                if getattr(self, name) != type(self).model_fields[name].default:
                    raise ValueError(f'{name} belongs to quantisation = "nf4" or "fp4": leave it out')
        return self

    @model_validator(mode="after")
    def _can_be_sharded(self) -> Self:
        if self.sharding is None:
            return self
        if self.batch_size % self.sharding.devices:
            raise ValueError(
                f"batch_size = {self.batch_size} cannot be shared by {self.sharding.devices} devices of sharding; "
                "make it a multiple of them"
            )
        for name in ("compile", "loss_chunks"):
            if getattr(self, name) != type(self).model_fields[name].default:
                raise ValueError(f"sharding and {name} cannot be combined: leave one of them out")
        if self.quantisation is not None and self.quantisation not in FOUR_BITS:
            raise ValueError(
                f'sharding and quantisation = "{self.quantisation}" cannot be combined: write "nf4" or "fp4", or leave '
                "one of them out"
            )
        return self

    @model_validator(mode="after")
    def _chunks_are_not_compiled(self) -> Self:
        if self.loss_chunks > 1 and self.compile is True:
            raise ValueError(
                'loss_chunks and compile = true cannot be combined: write compile = "blocks", or leave one of them out'
            )
        return self

    @model_validator(mode="after")
    def _one_length(self) -> Self:
        if self.epochs is None:
            for name in ("min_steps", "max_steps"):
                if getattr(self, name) is not None:
                    raise ValueError(f"{name} belongs to epochs, which is missing")
        elif self.steps != type(self).model_fields["steps"].default:
            raise ValueError("steps and epochs exclude each other: leave one of them out")
        elif self.min_steps and self.max_steps and self.min_steps > self.max_steps:
            raise ValueError(f"min_steps = {self.min_steps} is above max_steps = {self.max_steps}")
        return self

    @model_validator(mode="after")
    def _warmup_leaves_steps(self) -> Self:
        if self.epochs is None and self.warmup_steps >= self.steps and self.warmup_steps > 0:
            raise ValueError(f"warmup_ratio {self.warmup_ratio} leaves no step after the warm-up of {self.steps} steps")
        return self

    @model_validator(mode="after")
    def _stops_within_its_steps(self) -> Self:
        if self.stop_after is not None and self.epochs is None and self.stop_after > self.steps:
            raise ValueError(f"stop_after = {self.stop_after} is above steps = {self.steps}")
        return self

    @property
    def quantised(self) -> Quantisation | None:
        """How the base model's linear layers are quantised, None where they are not."""
        if self.quantisation is None:
            return None
        return Quantisation(self.quantisation, self.double_quantisation, self.quantised_compute_dtype or self.dtype)

    @property
    def trained_steps(self) -> int:
        """Optimizer steps that are made: all, or those until training ends early."""
        return self.steps if self.stop_after is None else min(self.stop_after, self.steps)

    @property
    def warmup_steps(self) -> int:
        """Optimizer steps in the warm-up."""
        return round(self.steps * self.warmup_ratio)

    @property
    def examples_per_step(self) -> int:
        """Examples that one optimizer step sees."""
        return self.batch_size * self.gradient_accumulation

    @property
    def num_examples_seen(self) -> int:
        """Examples that training sees, repeated ones counted each time."""
        return self.trained_steps * self.examples_per_step

    def with_changes(self, changes: Mapping[str, Any], where: str) -> Self:
        """Return this recipe with some fields changed; `steps` among them takes the place of `epochs`, and vice versa.

        Raises `InputError` for values that cannot be, as `read` does.
        """
        values = self.model_dump()
        if changes.keys() & {"steps", "epochs"}:
            values = {name: value for name, value in values.items() if name not in TRAINING_LENGTH}
        return self.read(values | dict(changes), where)

    def for_examples(self, num_examples: int | None) -> Self:
        """Return this recipe with its `epochs` turned into steps, for so many training examples; None: not known.

        The last step is a whole one, and the bounds win. What is known in steps is returned as it is.
        """
        if self.epochs is None or num_examples is None:
            return self
        steps = math.ceil(self.epochs * num_examples / self.examples_per_step)
        steps = max(steps, self.min_steps or 1)
        steps = min(steps, self.max_steps or steps)
        return self.with_changes({"steps": steps}, "epochs")


TRAINING_LENGTH = ("steps", "epochs", "min_steps", "max_steps")
"""The fields that say how long training takes."""
