"""BEFT (arXiv 2509.15974): a bias on the value projections."""

from torch import nn

from paretune.methods.peft import Peft
from paretune.methods.targets import linear_layers_of_blocks

_VALUE_PROJECTIONS = {"v_proj", "value", "value_proj", "to_v", "add_v_proj", "v"}


class Beft(Peft):
    """Adapts value projections, not all linear layers, on models that peft's table does not have."""

    def default_targets(self, model: nn.Module) -> list[str]:
        """Return the value projections of all blocks, by the names that model families give them."""
        return [name for name in linear_layers_of_blocks(model) if name.rpartition(".")[2] in _VALUE_PROJECTIONS]
