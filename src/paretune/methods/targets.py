"""Which layers of a base model are adapted, where the study does not say and peft has no answer of its own."""

from torch import nn


def linear_layers_of_blocks(model: nn.Module) -> list[str]:
    """Return the names of all linear layers inside a model's repeated blocks: those with a number on their path.

    Embeddings, heads, the projections between pixels and tokens, and modulation that all blocks share stand outside.
    """
    return [name for name, module in model.named_modules() if isinstance(module, nn.Linear) and _in_a_block(name)]


def normalisation_layers(model: nn.Module) -> list[str]:
    """Return the names of all normalisation layers that have weights of their own."""
    return [
        name
        for name, module in model.named_modules()
        if type(module).__name__.endswith("Norm") and isinstance(getattr(module, "weight", None), nn.Parameter)
    ]


def table_knows(table: object, model: nn.Module) -> bool:
    """Return whether one of peft's tables, from a model's type to the layers to adapt, has an entry for this model."""
    return isinstance(table, dict) and getattr(getattr(model, "config", None), "model_type", None) in table


def _in_a_block(name: str) -> bool:
    return any(part.isdecimal() for part in name.split(".")[:-1])
