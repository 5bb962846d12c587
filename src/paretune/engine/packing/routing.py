"""One base model in which every row of a batch goes through the layers of its own trial."""

from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from paretune.engine.packing.lora import grouped_lora, is_plain_lora
from paretune.engine.packing.sharing import NotPackable, storage_of


class Routing:
    """Which rows of the batch that is computed now belong to which trial."""

    def __init__(self) -> None:
        self.members: Sequence[int] = ()
        """The trials whose rows the batch holds, by their numbers, in the order of their rows."""
        self.sizes: Sequence[int] = ()
        """How many rows each of them has."""

    @property
    def num_rows(self) -> int:
        """Rows of the whole batch."""
        return sum(self.sizes)


class Routed(nn.Module):
    """In place of a layer of the base model: the layers that the trials have there, each for its own rows.

    Takes a tensor whose first dimension is the batch's rows, and returns one.
    """

    def __init__(self, layers: Sequence[nn.Module], routing: Routing) -> None:
        super().__init__()
        self.layers = nn.ModuleList(layers)
        self._routing = routing
        self._grouped = is_plain_lora(layers)

    def forward(self, *arguments: Any, **settings: Any) -> Tensor:
        """Return the layers' outputs in the order of the rows, which are the only tensor taken."""
        routing = self._routing
        rows, *others = *arguments, *settings.values()
        if not arguments or any(isinstance(one, Tensor) for one in others) or len(rows) != routing.num_rows:
            raise NotPackable("a layer that it changes takes something else than one tensor with the batch's rows")
        layers = [self.layers[member] for member in routing.members]
        if self._grouped and len(set(routing.sizes)) == 1 and not others:
            return grouped_lora(layers, rows)
        parts = zip(layers, torch.split(rows, list(routing.sizes)), strict=True)
        return torch.cat([layer(part, *arguments[1:], **settings) for layer, part in parts])


def route(base: nn.Module, models: Sequence[nn.Module]) -> Routing:
    """Turn a base model into one that all trials' rows go through, in place, and return what says whose rows are whose.

    `models` are what the trials' methods made of copies that share the base's weights. Wherever one of them differs
    from the base, all of their layers are put. Raises `NotPackable` where that would not compute what each computes
    alone.
    """
    routing = Routing()
    bodies = [_body(model) for model in models]
    paths = list(_differing(base, bodies, ""))
    layers = {path: [body.get_submodule(path) for body in bodies] for path in paths}
    _check_trainable(base, models, layers)
    with_output: Any = base
    if hasattr(base, "get_output_embeddings"):
        output = with_output.get_output_embeddings()
        if any(base.get_submodule(path) is output for path in paths):
            raise NotPackable("it changes the output layer, which sees the tokens of the answers and no rows")
    for path, of_trials in layers.items():
        base.set_submodule(path, Routed(of_trials, routing))
    return routing


def _body(model: nn.Module) -> nn.Module:
    """Return the base model inside of what a method made of it."""
    if "forward" in model.__dict__:
        raise NotPackable("its forward pass runs under autocast")
    unwrap: Any = getattr(model, "get_base_model", None)
    body: nn.Module = model if unwrap is None else unwrap()
    return body


def _differing(base: nn.Module, bodies: Sequence[nn.Module], path: str) -> Iterator[str]:
    """Yield the paths of the topmost modules in which a trial's model is not the base."""
    if any(_differs(base, body) for body in bodies):
        if not path:
            raise NotPackable("it puts another model in the place of the base")
        yield path
        return
    for name, child in base.named_children():
        inner = [body.get_submodule(name) for body in bodies]
        yield from _differing(child, inner, f"{path}.{name}" if path else name)


def _differs(base: nn.Module, body: nn.Module) -> bool:
    if type(base) is not type(body) or list(base._modules) != list(body._modules):
        return True
    for kind in ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_backward_pre_hooks"):
        if len(getattr(base, kind)) != len(getattr(body, kind)):
            raise NotPackable("it hooks into the base model's modules")
    if "forward" in body.__dict__:
        raise NotPackable("it replaces the forward pass of a module of the base model")
    if list(base._parameters) != list(body._parameters):
        return True
    pairs = zip(base._parameters.values(), body._parameters.values(), strict=True)
    return any(
        theirs is not None and ours is not None and (theirs.requires_grad or storage_of(theirs) != storage_of(ours))
        for ours, theirs in pairs
    )


def _check_trainable(base: nn.Module, models: Sequence[nn.Module], layers: dict[str, list[nn.Module]]) -> None:
    shared = {storage_of(parameter) for parameter in base.parameters()}
    for number, model in enumerate(models):
        routed = {id(parameter) for of_trials in layers.values() for parameter in of_trials[number].parameters()}
        for parameter in model.parameters():
            if parameter.requires_grad and storage_of(parameter) in shared:
                raise NotPackable("it trains weights of the base model itself")
            if parameter.requires_grad and id(parameter) not in routed:
                raise NotPackable("it trains something outside of the base model's layers")
