"""KaSA (arXiv 2412.06071): LoRA in singular-value form on a base without its smallest singular values."""

from typing import Any

from torch import Tensor, nn

from paretune.methods.peft import Peft


class Kasa(Peft):
    """Adds the two regularisers that keep the factors in singular-value form.

    The base weights are truncated when the adapter is attached. Loading truncates a fresh base in the same way.
    """

    def loss_terms(self, model: nn.Module, batch: Any) -> Tensor | None:  # noqa: ARG002
        """Return the penalty on the singular values and the distance to orthogonality (equations 9 to 11)."""
        regulariser: Any = model.base_model._get_kasa_loss  # type: ignore[union-attr]
        loss: Tensor = regulariser()
        return loss
