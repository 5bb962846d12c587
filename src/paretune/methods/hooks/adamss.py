"""AdaMSS: updates in small subspaces of each weight, which may be taken away where they matter least."""

from typing import Any

from torch import nn

from paretune.methods.peft import Peft
from paretune.spec import Recipe

WARM_UP_SHARE = 0.1
"""Share of the steps in which importance is only gathered."""
SETTLED_SHARE = 0.5
"""Share of the steps after which the subspaces stay as they are."""
NUM_ALLOCATIONS = 10
"""How often subspaces are taken away in between, where there are as many steps."""


class AdaMss(Peft):
    """Takes its schedule from the recipe and allocates subspaces after each step (with `use_asa`)."""

    @property
    def resumes(self) -> bool:
        """No, where subspaces are taken away: importances are averages that peft keeps outside of the parameters."""
        return not self.spec.parameters.get("use_asa", False)

    def recipe_parameters(self, recipe: Recipe) -> dict[str, Any]:
        """Return the schedule."""
        start = int(recipe.steps * WARM_UP_SHARE)
        end = max(start + 1, int(recipe.steps * SETTLED_SHARE))
        return {
            "init_warmup": start,
            "final_warmup": end,
            "mask_interval": max(1, (end - start) // NUM_ALLOCATIONS),
        }

    def after_step(self, model: nn.Module, step: int) -> None:
        """Gather importance and take subspaces away. Reads the gradients; does nothing without `use_asa`."""
        allocate: Any = model.base_model.update_and_allocate  # type: ignore[union-attr]
        allocate(step)
