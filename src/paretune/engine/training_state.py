"""What a training needs to be resumed in another process as if it had never stopped."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

_TRAINED = "trained."
_OPTIMIZER = "optimizer."
_RANDOM = "random."


class TrainingState(NamedTuple):
    """A training between two steps: everything that changes while it goes on, but its place in the data."""

    tensors: Mapping[str, Tensor]
    """Trained parameters, the optimizer's tensors, and the states of torch's random numbers; shapes and dtypes are
    those that they have in training."""
    numbers: Mapping[str, Any]
    """The optimizer's other values, by the same kind of name: numbers and None."""


def state_bytes(model: nn.Module, optimizer: Optimizer) -> int:
    """Return how many bytes the state takes."""
    of_optimizer = (value for values in optimizer.state_dict()["state"].values() for value in values.values())
    tensors = [*_trained(model).values(), *(value for value in of_optimizer if isinstance(value, Tensor))]
    return sum(tensor.nbytes for tensor in tensors)


def state_of(model: nn.Module, optimizer: Optimizer) -> TrainingState:
    """Return a copy of the state, on the CPU. Raises `ValueError` for an optimizer that keeps other than numbers."""
    tensors: dict[str, Tensor] = {_TRAINED + name: parameter for name, parameter in _trained(model).items()}
    numbers: dict[str, Any] = {}
    for place, values in optimizer.state_dict()["state"].items():
        for name, value in values.items():
            key = f"{_OPTIMIZER}{place}.{name}"
            if isinstance(value, Tensor):
                tensors[key] = value
            elif value is None or isinstance(value, int | float):
                numbers[key] = value
            else:
                raise ValueError(f"the optimizer keeps {name} as a {type(value).__name__}")
    tensors |= {_RANDOM + name: state for name, state in _random_states(model).items()}
    return TrainingState({name: _copied(tensor) for name, tensor in tensors.items()}, numbers)


def restore(state: TrainingState, model: nn.Module, optimizer: Optimizer) -> None:
    """Put a model and its optimizer, both freshly made, and torch's random numbers into a state.

    Learning rates and other settings of the optimizer stay those that it was made with. Raises `ValueError`, before
    anything is changed, for a state of other parameters, and for values of the optimizer that torch would round.
    """
    trained = _trained(model)
    kept = {name.removeprefix(_TRAINED): one for name, one in state.tensors.items() if name.startswith(_TRAINED)}
    if {name: one.shape for name, one in kept.items()} != {name: one.shape for name, one in trained.items()}:
        raise ValueError("other parameters are trained")
    values = _of_optimizer(state, next(model.parameters()).device)
    _check_dtypes(values, optimizer)
    with torch.no_grad():
        for name, parameter in trained.items():
            parameter.copy_(kept[name])
    settings = optimizer.state_dict()["param_groups"]
    optimizer.load_state_dict({"state": values, "param_groups": settings})
    torch.set_rng_state(state.tensors[_RANDOM + "cpu"])
    device = next(model.parameters()).device
    if device.type != "cpu":
        torch.get_device_module(device).set_rng_state(state.tensors[_RANDOM + device.type], device)


def _of_optimizer(state: TrainingState, device: torch.device) -> dict[int | str, dict[str, Any]]:
    """Return the optimizer's values by the number of a parameter.

    An optimizer may have names of its own in place of numbers: torch moves no values of those to the device.
    """
    values: dict[int | str, dict[str, Any]] = {}
    for key, value in {**state.tensors, **state.numbers}.items():
        if key.startswith(_OPTIMIZER):
            place, name = key.removeprefix(_OPTIMIZER).rsplit(".", 1)
            if place.isdecimal():
                values.setdefault(int(place), {})[name] = value
            else:
                moved = value.to(device) if isinstance(value, Tensor) and value.dim() else value
                values.setdefault(place, {})[name] = moved
    return values


def _check_dtypes(values: Mapping[int | str, Mapping[str, Any]], optimizer: Optimizer) -> None:
    """Raise `ValueError` where torch would round a parameter's values to the parameter's dtype, all but its steps."""
    parameters = [parameter for group in optimizer.param_groups for parameter in group["params"]]
    for place, of_one in values.items():
        for name, value in of_one.items():
            rounded = isinstance(place, int) and isinstance(value, Tensor) and name != "step"
            if rounded and value.is_floating_point() and value.dtype != parameters[int(place)].dtype:
                raise ValueError(f"the optimizer keeps {name} in another dtype than its parameter")


def _trained(model: nn.Module) -> dict[str, nn.Parameter]:
    return {name: parameter for name, parameter in model.named_parameters() if parameter.requires_grad}


def _random_states(model: nn.Module) -> dict[str, Tensor]:
    """Return the states of torch's random numbers, uint8, by the type of the device."""
    device = next(model.parameters()).device
    states = {"cpu": torch.get_rng_state()}
    if device.type != "cpu":
        states[device.type] = torch.get_device_module(device).get_rng_state(device)
    return states


def _copied(tensor: Tensor) -> Tensor:
    return tensor.detach().to("cpu", copy=True).contiguous()
