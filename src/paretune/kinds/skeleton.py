"""A base model as its configuration describes it, without its weights: for checks, and for predictions of memory."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import nn

from paretune.kinds.base import Kind
from paretune.kinds.registry import kind_of_shape
from paretune.models import ModelShape, find_shape
from paretune.models.progress import without_remarks
from paretune.spec import InputError, one_line


def skeleton(kind: Kind[Any], shape: ModelShape, dtype: str, config: Mapping[str, Any] | None = None) -> nn.Module:
    """Return a base model in evaluation mode, its parameters in `dtype` and of no particular values.

    They are made where tensors are made by default: enter `torch.device("meta")` or a fake mode first. `config` stands
    in for the shape's own. Raises `InputError` for a configuration that the libraries refuse.
    """
    try:
        with without_remarks():
            model = kind.build(shape.config if config is None else config, getattr(torch, dtype))
    except (ValueError, TypeError, KeyError, AttributeError, OSError, RuntimeError, ImportError) as error:
        raise InputError(f'model "{shape.name}": {shape.source} cannot be built: {one_line(error)[:200]}') from None
    return model.eval()


def module_names(reference: str) -> list[str]:
    """Return the dotted names of a base model's modules, from its configuration. Raises as `skeleton` does."""
    shape = find_shape(reference)
    return modules_of(kind_of_shape(shape), shape)


def modules_of(kind: Kind[Any], shape: ModelShape) -> list[str]:
    """Return the dotted names of the modules of a base model as a kind has it. Raises as `skeleton` does."""
    with torch.device("meta"):
        model = skeleton(kind, shape, "float32")
    return [name for name, _ in model.named_modules() if name]
