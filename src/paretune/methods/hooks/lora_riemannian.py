"""Riemannian-preconditioned LoRA (arXiv 2402.02347): each matrix's gradient is scaled by the other matrix."""

from collections.abc import Mapping
from typing import Any, ClassVar

import torch
from peft.optimizers import create_riemannian_optimizer
from pydantic import PositiveFloat
from torch import nn
from torch.optim import Optimizer

from paretune.methods.base import Context, required_rate
from paretune.methods.peft import Peft


class LoraRiemannian(Peft):
    """LoRA trained by the recipe's optimizer on preconditioned gradients. `reg` keeps the preconditioner invertible."""

    own_parameters: ClassVar[Mapping[str, Any]] = {"reg": PositiveFloat}

    def optimizer(self, model: nn.Module, context: Context) -> Optimizer:
        """Return the recipe's optimizer with the preconditioner before each step."""
        recipe = context.recipe
        optimizer: Optimizer = create_riemannian_optimizer(
            model=model,
            optimizer_cls=torch.optim.SGD if recipe.optimizer == "sgd" else torch.optim.AdamW,
            lr=required_rate(self.spec, context),
            reg=self.spec.parameters.get("reg", 1e-2),
            weight_decay=recipe.weight_decay,
        )
        return optimizer
