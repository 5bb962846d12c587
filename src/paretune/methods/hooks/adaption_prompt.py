"""Adaption prompts (LLaMA-Adapter, arXiv 2303.16199): learned tokens that every attention block may look at."""

from typing import Any

from torch import nn

from paretune.methods.base import Context
from paretune.methods.peft import Peft
from paretune.spec import InputError


class AdaptionPrompt(Peft):
    """Goes into every layer of the model, which a config cannot say without knowing how many there are."""

    def base_parameters(self, model: nn.Module, context: Context) -> dict[str, Any]:  # noqa: ARG002
        """Return `adapter_layers` where the study gives none. Raises `InputError` where layers cannot be counted."""
        if "adapter_layers" in self.spec.parameters:
            return {}
        num_layers = getattr(getattr(model, "config", None), "num_hidden_layers", None)
        if num_layers is None:
            raise InputError(f'method "{self.spec.label}": the base model does not say how many layers it has')
        return {"adapter_layers": num_layers}
