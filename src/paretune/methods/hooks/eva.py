"""EVA (arXiv 2410.07170): LoRA that starts in the directions in which the layers' inputs vary most."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

from peft import initialize_lora_eva_weights
from pydantic import PositiveInt
from torch import Tensor, nn

from paretune.methods.base import Context
from paretune.methods.hooks.start_from_data import first_batches, required_objective, text_rows
from paretune.methods.peft import Peft, active_config
from paretune.methods.precision import keep_in_float32
from paretune.spec import InputError, MethodSpec


class Eva(Peft):
    """Looks at `start_batches` training batches, again and again until the directions have settled.

    Ranks move to the layers whose inputs vary more; their sum stays (with `eva_config.rho` above 1).
    """

    own_parameters: ClassVar[Mapping[str, Any]] = {"start_batches": PositiveInt}

    def before_training(self, model: nn.Module, context: Context, batches: Iterable[Any]) -> None:
        """Set the first matrices, and the ranks. Raises `InputError` for batches too small for that."""
        looked_at = first_batches(self.spec, model, batches)
        config = active_config(model)
        initialize_lora_eva_weights(
            model,
            looked_at,
            forward_fn=required_objective(self.spec, context),
            prepare_model_inputs_fn=lambda batch, config: batch,  # noqa: ARG005
            prepare_layer_inputs_fn=_LayerInputs(self.spec, round(config.r * config.eva_config.rho), len(looked_at)),
            show_progress_bar=False,
        )
        if context.recipe.trainable_dtype == "float32":
            keep_in_float32(model)  # layers whose rank has changed are new


class _LayerInputs:
    """Hands peft a layer's inputs as rows, and gives up on a layer that never sees enough at once.

    peft skips a batch with fewer rows than directions are sought, and would wait for a larger one for ever.
    """

    def __init__(self, spec: MethodSpec, num_directions: int, num_batches: int) -> None:
        self._spec = spec
        self._num_directions = num_directions
        self._num_batches = num_batches
        self._sizes: dict[str, list[int]] = defaultdict(list)

    def __call__(self, inputs: Any, batch: Any, layer: str) -> Tensor:
        """Return rows of shape (positions, width). Raises `InputError` when all batches were too small."""
        rows = text_rows(inputs[0] if isinstance(inputs, tuple) else inputs, batch)
        sizes = self._sizes[layer]
        sizes.append(len(rows))
        if max(sizes) < self._num_directions and len(sizes) > self._num_batches:
            raise InputError(
                f'method "{self._spec.label}": it seeks r times rho = {self._num_directions} directions, but {layer} '
                f"never sees more than {max(sizes)} vectors in a batch; lower r or raise batch_size"
            )
        return rows
