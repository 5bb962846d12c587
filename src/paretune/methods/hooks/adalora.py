"""AdaLoRA (arXiv 2303.10512): a rank budget that is spent where it matters, decided while training."""

from typing import Any, ClassVar

import torch
from peft import PeftConfig
from torch import Tensor, nn

from paretune.methods.base import Context
from paretune.methods.peft import Peft, active_config, adapter_parameters
from paretune.spec import InputError, Recipe

WARM_UP_SHARE = 0.1
"""Share of the steps before ranks are taken away."""
FINAL_SHARE = 0.3
"""Share of the steps at the end in which ranks stay as they are."""


class AdaLora(Peft):
    """Takes its schedule from the recipe, adds its regulariser to the loss, and allocates ranks after each step."""

    schedule_parameters: ClassVar[tuple[str, ...]] = ("total_step", "tinit", "tfinal")

    @property
    def resumes(self) -> bool:
        """No: importances are averages over the steps, which peft keeps outside of the parameters."""
        return False

    def recipe_parameters(self, recipe: Recipe) -> dict[str, Any]:
        """Return the schedule."""
        return {
            "total_step": recipe.steps,
            "tinit": int(recipe.steps * WARM_UP_SHARE),
            "tfinal": int(recipe.steps * FINAL_SHARE),
        }

    def check_config(self, config: PeftConfig, context: Context) -> None:
        """Raise `InputError` for a schedule that does not end with the training, and for ranks that are not reduced."""
        given: Any = config
        steps = context.recipe.steps
        if given.total_step > steps:
            raise InputError(
                f'method "{self.spec.label}": total_step = {given.total_step} is more than the {steps} steps of the '
                "training: no rank would be taken away in time; leave total_step out, and it follows the recipe"
            )
        if given.deltaT < 1:
            raise InputError(f'method "{self.spec.label}": deltaT = {given.deltaT} must be at least 1')
        if given.target_r >= given.init_r:
            raise InputError(
                f'method "{self.spec.label}": target_r = {given.target_r} must lie below init_r = {given.init_r}: '
                "no rank would be taken away"
            )

    def loss_terms(self, model: nn.Module, batch: Any) -> Tensor | None:  # noqa: ARG002
        """Return the weighted mean of ||P P^T - I|| and ||Q^T Q - I|| over all layers (equation 4 of the paper)."""
        distances = [_distance_to_orthogonal(matrix) for matrix in adapter_parameters(model, "lora_A")]
        distances += [_distance_to_orthogonal(matrix.T) for matrix in adapter_parameters(model, "lora_B")]
        weight: float = active_config(model).orth_reg_weight
        return weight * torch.stack(distances).mean()

    def after_step(self, model: nn.Module, step: int) -> None:
        """Update importances and take ranks away. Reads the gradients."""
        allocate: Any = model.base_model.update_and_allocate  # type: ignore[union-attr]
        allocate(step)


def _distance_to_orthogonal(rows: Tensor) -> Tensor:
    products = rows @ rows.T
    distance: Tensor = torch.linalg.norm(products - torch.eye(len(rows), device=rows.device, dtype=rows.dtype))
    return distance
