"""LN tuning (arXiv 2312.11420): the normalisation layers are trained and nothing else."""

from torch import nn

from paretune.methods.peft import Peft
from paretune.methods.targets import normalisation_layers


class LnTuning(Peft):
    """Adapts normalisation layers, not linear ones, on models that peft's table does not have."""

    def default_targets(self, model: nn.Module) -> list[str]:
        """Return every normalisation layer that has weights."""
        return normalisation_layers(model)
