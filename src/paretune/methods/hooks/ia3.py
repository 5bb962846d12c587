"""IA3 (arXiv 2205.05638): learned vectors that scale activations."""

from typing import Any

from peft.utils.constants import (
    TRANSFORMERS_MODELS_TO_IA3_FEEDFORWARD_MODULES_MAPPING,
    TRANSFORMERS_MODELS_TO_IA3_TARGET_MODULES_MAPPING,
)
from torch import nn

from paretune.methods.base import Context
from paretune.methods.peft import Peft
from paretune.methods.targets import linear_layers_of_blocks, table_knows


class Ia3(Peft):
    """Says which layers are scaled at their input, as IA3 cannot do without it.

    Where peft's table does not have the model, that is every linear layer of every block, as in peft's comparison on
    images.
    """

    def base_parameters(self, model: nn.Module, context: Context) -> dict[str, Any]:
        """Return `target_modules` and `feedforward_modules` where the study gives none and peft knows none."""
        given, found, anew = self.spec.parameters, {}, context.kind.has_parts
        targets, feedforward = (
            TRANSFORMERS_MODELS_TO_IA3_TARGET_MODULES_MAPPING,
            TRANSFORMERS_MODELS_TO_IA3_FEEDFORWARD_MODULES_MAPPING,
        )
        if "target_modules" not in given and (anew or not table_knows(targets, model)):
            found["target_modules"] = linear_layers_of_blocks(model)
        if "feedforward_modules" not in given and (found or not table_knows(feedforward, model)):
            found["feedforward_modules"] = linear_layers_of_blocks(model)
        return found
