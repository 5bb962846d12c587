"""EVA (arXiv 2410.07170): LoRA that starts in the directions in which the layers' inputs vary most."""

from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

from peft import initialize_lora_eva_weights
from pydantic import PositiveInt
from torch import Tensor, nn

from paretune.methods.base import Context
from paretune.methods.peft import Peft
from paretune.methods.precision import keep_in_float32
from paretune.methods.start_from_data import first_batches, required_objective


class Eva(Peft):
    """Looks at `start_batches` training batches, again and again until the directions have settled.

    Ranks move to the layers whose inputs vary more; their sum stays (with `eva_config.rho` above 1).
    """

    own_parameters: ClassVar[Mapping[str, Any]] = {"start_batches": PositiveInt}

    def before_training(self, model: nn.Module, context: Context, batches: Iterable[Any]) -> None:
        """Set the first matrices, and the ranks."""
        objective = required_objective(self.spec, context)
        initialize_lora_eva_weights(
            model,
            first_batches(self.spec, model, batches),
            forward_fn=objective,
            prepare_model_inputs_fn=_positions_of_texts,
            prepare_layer_inputs_fn=_inputs_of_texts,
            show_progress_bar=False,
        )
        if context.recipe.trainable_dtype == "float32":
            keep_in_float32(model)  # layers whose rank has changed are new


def _positions_of_texts(batch: Any, config: Any) -> Tensor | None:  # noqa: ARG001
    """Return where tokens are and not padding, bool of shape (batch, sequence), or None for batches without padding."""
    mask: Tensor | None = getattr(batch, "attention_mask", None)
    return None if mask is None else mask.bool()


def _inputs_of_texts(inputs: Any, positions: Tensor | None, layer: str) -> Tensor:  # noqa: ARG001
    """Return a layer's inputs as rows (tokens, width)."""
    states: Tensor = inputs[0] if isinstance(inputs, tuple) else inputs
    if positions is not None and states.shape[:-1] == positions.shape:
        return states[positions]
    return states.reshape(-1, states.shape[-1])
