"""Which layers of a base model are adapted, where the study does not say and peft has no answer of its own."""

from torch import Tensor, nn


def linear_layers_of_blocks(model: nn.Module) -> list[str]:
    """Return the names of all linear layers inside a model's repeated blocks: those with a number on their path.

    Embeddings, heads, the projections between pixels and tokens, and modulation that all blocks share stand outside.
    """
    return [name for name, module in model.named_modules() if _is_linear(module) and _in_a_block(name)]


def has_packed_layers(model: nn.Module) -> bool:
    """Return whether linear layers are none of torch's, since GPTQ or AWQ packed them: peft's "all-linear" finds none.

    peft does adapt them where they are named.
    """
    return any(_is_packed(module) for module in model.modules())


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


def _is_linear(module: nn.Module) -> bool:
    return isinstance(module, nn.Linear) or _is_packed(module)


def _is_packed(module: nn.Module) -> bool:
    return isinstance(getattr(module, "qweight", None), Tensor)


def _in_a_block(name: str) -> bool:
    return any(part.isdecimal() for part in name.split(".")[:-1])
