"""A model built from its shape with fake tensors: all its parameters, none of their bytes."""

import torch
from torch import nn

from paretune.estimate.quantised import layout_for, quantise, without_quantisation
from paretune.estimate.settings import EstimateSettings
from paretune.kinds import kind_of_shape, skeleton
from paretune.models import ModelShape


def build_skeleton(shape: ModelShape, settings: EstimateSettings, device: torch.device) -> nn.Module:
    """Return the model in evaluation mode on `device`, with weights in the recipe's format.

    Raises `InputError` for a configuration that the libraries refuse, or that is quantised in an unknown layout.
    """
    layout = layout_for(shape, settings)
    with device:
        model = skeleton(kind_of_shape(shape), shape, settings.recipe.dtype, without_quantisation(shape.config))
    if layout is not None:
        quantise(model, layout)
    return model.eval()
