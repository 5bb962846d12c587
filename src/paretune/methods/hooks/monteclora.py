"""MonteCLoRA (arXiv 2411.04358): LoRA whose first matrix is drawn anew in every training step."""

from typing import Any

from torch import Tensor, nn

from paretune.methods.peft import Peft


class MonteCLora(Peft):
    """Adds the divergence between the distribution that is sampled from and its prior."""

    @property
    def resumes(self) -> bool:
        """No: samples that were drawn serve for several steps."""
        return False

    def loss_terms(self, model: nn.Module, batch: Any) -> Tensor | None:  # noqa: ARG002
        """Return the weighted divergence, averaged over layers."""
        divergence: Any = model.base_model._get_monteclora_loss  # type: ignore[union-attr]
        loss: Tensor = divergence()
        return loss
