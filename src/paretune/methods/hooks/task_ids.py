"""Methods that serve many tasks at once are told, layer by layer, that all texts belong to the first task.

A comparison trains one task at a time. peft asks for the tasks' numbers at every call, and does not hand them on to a
layer that is computed again under gradient checkpointing.
"""

from pathlib import Path
from typing import Any

import torch
from peft.tuners.multitask_prompt_tuning.model import MultitaskPromptEmbedding
from peft.tuners.poly.layer import PolyLayer
from torch import Tensor, nn

from paretune.methods.base import Context
from paretune.methods.peft import Peft


class Poly(Peft):
    """Polytropon (arXiv 2202.13914): a learned mixture of a few small adapters, here for one task."""

    def wrap(self, model: nn.Module, context: Context) -> nn.Module:
        """Return the model with the adapter attached; every layer mixes for the first task."""
        return _first_task(super().wrap(model, context))

    def load(self, model: nn.Module, folder: Path) -> nn.Module:
        """Return the base model with the saved adapter attached."""
        return _first_task(super().load(model, folder))


class MultitaskPromptTuning(Poly):
    """Multitask prompt tuning (arXiv 2303.02861): a prompt times a low-rank factor of the task's own, for one task."""


def _first_task(model: nn.Module) -> nn.Module:
    for module in model.modules():
        if isinstance(module, PolyLayer | MultitaskPromptEmbedding):
            module.register_forward_pre_hook(_with_task_ids, with_kwargs=True)
    return model


def _with_task_ids(module: nn.Module, inputs: tuple[Any, ...], named: dict[str, Any]) -> tuple[Any, dict[str, Any]]:  # noqa: ARG001
    first: Tensor = inputs[0]
    task_ids = torch.zeros(first.shape[0], dtype=torch.long, device=first.device)
    return (first,), {**named, "task_ids": task_ids}
