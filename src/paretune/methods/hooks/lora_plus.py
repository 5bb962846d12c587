"""LoRA+ (arXiv 2402.12354): the second matrix learns faster than the first."""

from collections.abc import Mapping
from typing import Any, ClassVar

import torch
from peft.optimizers import create_loraplus_optimizer
from pydantic import PositiveFloat
from torch import nn
from torch.optim import Optimizer

from paretune.methods.base import Context, required_rate
from paretune.methods.peft import Peft


class LoraPlus(Peft):
    """LoRA with `loraplus_lr_ratio` times the rate for its second matrices. The trial's rate is the first matrices'."""

    own_parameters: ClassVar[Mapping[str, Any]] = {
        "loraplus_lr_ratio": PositiveFloat,
        "loraplus_lr_embedding": PositiveFloat,
    }

    def optimizer(self, model: nn.Module, context: Context) -> Optimizer:
        """Return the recipe's optimizer over groups of unlike rates."""
        recipe, given = context.recipe, self.spec.parameters
        settings: dict[str, Any] = {"loraplus_weight_decay": recipe.weight_decay}
        if "loraplus_lr_embedding" in given:
            settings["loraplus_lr_embedding"] = given["loraplus_lr_embedding"]
        optimizer: Optimizer = create_loraplus_optimizer(
            model=model,
            optimizer_cls=torch.optim.SGD if recipe.optimizer == "sgd" else torch.optim.AdamW,
            lr=required_rate(self.spec, context),
            loraplus_lr_ratio=given.get("loraplus_lr_ratio", 16.0),
            **settings,
        )
        return optimizer
