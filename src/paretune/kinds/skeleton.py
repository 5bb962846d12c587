"""A base model as its configuration describes it, without its weights: for checks, and for predictions of memory."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple
from unittest.mock import patch

import torch
from torch import nn

from paretune.kinds.base import Kind
from paretune.kinds.registry import kind_of_shape
from paretune.models import ModelShape, find_shape
from paretune.models.progress import without_remarks
from paretune.spec import InputError, one_line

_POSITION_TABLES = ("position", "wpe")
"""Parts of the names of tables of learned positions: BERT's, GPT-2's, and those named after them."""


class Positions(NamedTuple):
    """How many tokens a base model reads at once."""

    most: int | None
    """None where neither its configuration nor its modules say."""
    learned: bool
    """Whether positions are looked up in a learned table, which holds no more than these. Rotary ones go on."""


class Outline(NamedTuple):
    """What a base model's configuration says of it."""

    module_names: Sequence[str]
    """Dotted names of its modules."""
    positions: Positions


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


@contextmanager
def without_initial_values() -> Iterator[None]:
    """Leave out the initial values of models that are built inside: half of the time of building one of fake tensors.

    Embeddings are tied as ever. Nothing is drawn from a random generator.
    """
    from transformers import PreTrainedModel
    from transformers.initialization import no_init_weights

    def tied_only(model: Any) -> None:
        model.tie_weights(recompute_mapping=False)

    with no_init_weights(), patch.object(PreTrainedModel, "init_weights", tied_only):
        yield


def module_names(reference: str) -> Sequence[str]:
    """Return the dotted names of a base model's modules, from its configuration. Raises as `skeleton` does."""
    shape = find_shape(reference)
    return modules_of(kind_of_shape(shape), shape)


def modules_of(kind: Kind[Any], shape: ModelShape) -> Sequence[str]:
    """Return the dotted names of the modules of a base model as a kind has it. Raises as `skeleton` does."""
    return outline_of(kind, shape).module_names


def outline_of(kind: Kind[Any], shape: ModelShape) -> Outline:
    """Return the outline of a base model as a kind has it. Raises as `skeleton` does."""
    with torch.device("meta"):
        model = skeleton(kind, shape, "float32")
    return Outline([name for name, _ in model.named_modules() if name], _positions(kind.text_part(model), shape))


def _positions(model: nn.Module, shape: ModelShape) -> Positions:
    """Return what a model reads at once: the fewest of its configuration's number and the rows of its tables.

    A table with a row for padding begins to count behind it, as RoBERTa's does.
    """
    tables = [
        module.num_embeddings - (0 if module.padding_idx is None else module.padding_idx + 1)
        for name, module in model.named_modules()
        if isinstance(module, nn.Embedding) and any(part in name.rpartition(".")[2] for part in _POSITION_TABLES)
    ]
    known = [*tables, *([] if shape.max_length is None else [shape.max_length])]
    return Positions(min(known, default=None), bool(tables))
