"""LoRA-FA (arXiv 2308.03303): LoRA whose first matrix stays as it was drawn."""

from typing import Any

from peft.optimizers import create_lorafa_optimizer
from torch import nn
from torch.optim import Optimizer

from paretune.methods.base import Context, required_rate
from paretune.methods.peft import Peft, adapter_name, adapter_parameters
from paretune.spec import InputError


class LoraFa(Peft):
    """Freezes the first matrices before any activation is kept for their sake, and trains with peft's optimizer."""

    def wrap(self, model: nn.Module, context: Context) -> nn.Module:
        """Return the model with LoRA attached, first matrices frozen. Raises `InputError` for another optimizer."""
        if context.recipe.optimizer != "adamw":
            raise InputError(
                f'method "{self.spec.label}": it brings an AdamW of its own and cannot use another optimizer'
            )
        wrapped = super().wrap(model, context)
        for parameter in adapter_parameters(wrapped, "lora_A"):
            parameter.requires_grad_(False)
        return wrapped

    def optimizer(self, model: nn.Module, context: Context) -> Optimizer:
        """Return AdamW that projects the gradient of the second matrix for the frozen first one."""
        config: Any = model.peft_config[adapter_name(model)]  # type: ignore[index]
        optimizer: Optimizer = create_lorafa_optimizer(
            model=model,
            r=config.r,
            lora_alpha=config.lora_alpha,
            lr=required_rate(self.spec, context),
            weight_decay=context.recipe.weight_decay,
        )
        return optimizer
