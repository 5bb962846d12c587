"""One trial over several devices: each holds a slice of every parameter (`fully_shard` of torch, FSDP2).

Blocks of the model are units: a unit's parameters are whole only while it computes. Scalars, and parameters that
several units share, cannot be cut: they are whole on every device, and their gradients are averaged here.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from accelerate import Accelerator
from torch import Tensor, nn

_OFFLOADED = "_slices_in_main_memory"


class ShardedAccelerator(Accelerator):  # type: ignore[misc] # accelerate has no types
    """What the training loop asks of `Accelerator`, for a model that `shard` has cut."""

    def prepare(self, *parts: Any, **_: Any) -> Any:
        """Return everything as it is: model and optimizer know the processes already."""
        return parts

    @contextmanager
    def no_sync(self, model: Any) -> Iterator[None]:
        """Leave gradients unreduced in a backward pass that is not the last of a step.

        With offload they are reduced all the same: unreduced they are whole, and on the device.
        """
        if getattr(model, _OFFLOADED, False):
            yield
            return
        model.set_requires_gradient_sync(False)
        try:
            yield
        finally:
            model.set_requires_gradient_sync(True)

    def clip_grad_norm_(self, parameters: Iterable[nn.Parameter], max_norm: float, norm_type: float = 2) -> Tensor:
        """Scale gradients down to the Euclidean norm `max_norm` over all devices, and return their norm before that."""
        assert norm_type == 2
        sliced: list[Tensor] = []
        whole: list[Tensor] = []
        for parameter in parameters:
            if parameter.grad is not None:
                (sliced if is_sliced(parameter) else whole).append(_local(parameter.grad))  # in main memory perhaps
        for gradient in whole:
            torch.distributed.all_reduce(gradient)
            gradient.div_(self.num_processes)
        squares = _sum_of_squares(sliced, self.device)
        torch.distributed.all_reduce(squares)
        norm = (squares + _sum_of_squares(whole, self.device)).sqrt()
        factor = torch.clamp(max_norm / (norm + 1e-6), max=1.0)
        for gradient in (*sliced, *whole):
            gradient.mul_(factor.to(gradient.device))
        return norm


def shard(model: nn.Module, device: torch.device, *, cpu_offload: bool = False) -> None:
    """Cut a model's parameters among the processes, in place, and put what this one holds on its device.

    With `cpu_offload` that stays in main memory, and a unit is on the device only while it computes.
    Called by every process on equal models. The optimizer is built afterwards: parameters are replaced.
    """
    from torch.distributed.device_mesh import init_device_mesh
    from torch.distributed.fsdp import CPUOffloadPolicy, OffloadPolicy, fully_shard

    mesh = init_device_mesh(device.type, (torch.distributed.get_world_size(),))
    blocks = blocks_of(model)
    whole = set(uncuttable(model, blocks))
    for parameter in whole:
        parameter.data = parameter.data.to(device)
    policy = CPUOffloadPolicy(pin_memory=device.type == "cuda") if cpu_offload else OffloadPolicy()
    for module in (*blocks, model):
        fully_shard(module, mesh=mesh, ignored_params=whole, offload_policy=policy)
    setattr(model, _OFFLOADED, cpu_offload)


def gather(model: nn.Module) -> None:
    """Put a model together again for saving, in place: whole on the first process's main memory, one tensor at a time.

    Called by every process. No forward pass is possible afterwards.
    """
    from torch.distributed.fsdp import FSDPModule

    first = torch.distributed.get_rank() == 0
    for module in model.modules():
        if isinstance(module, FSDPModule):
            module.reshard()
    gathered: dict[int, nn.Parameter] = {}
    for module in model.modules():
        for name, parameter in module._parameters.items():
            if parameter is None or not is_sliced(parameter):
                continue
            if id(parameter) not in gathered:
                tensor = _on_its_devices(parameter.detach()).full_tensor()
                kept = tensor.cpu() if first else torch.empty(0)
                gathered[id(parameter)] = nn.Parameter(kept, requires_grad=parameter.requires_grad)
            module._parameters[name] = gathered[id(parameter)]
    for module in model.modules():
        if isinstance(module, FSDPModule):
            module.__class__ = type(module).__mro__[2]  # its own, whose name is saved


def is_sharded(model: nn.Module) -> bool:
    """Tell whether `shard` has cut this model. Imports nothing: every training asks."""
    return any(one.__name__ == "FSDPModule" for one in type(model).__mro__)


def device_of(model: nn.Module) -> torch.device:
    """Return where a model computes. Slices may be in main memory all the same."""
    parameter: Any = next(model.parameters())
    if is_sharded(model) and is_sliced(parameter):
        return torch.device(parameter.device_mesh.device_type)
    device: torch.device = parameter.device
    return device


def is_sliced(tensor: Tensor) -> bool:
    """Tell whether a process holds a slice of this tensor."""
    from torch.distributed.tensor import DTensor

    return isinstance(tensor, DTensor)


def blocks_of(model: nn.Module) -> list[nn.Module]:
    """Return a model's blocks, by the classes that its library never splits."""
    names: set[str] = set()
    for module in model.modules():
        names.update(getattr(module, "_no_split_modules", None) or ())
    return [module for module in model.modules() if type(module).__name__ in names]


def uncuttable(model: nn.Module, blocks: Iterable[nn.Module]) -> Iterator[nn.Parameter]:
    """Yield scalars, and parameters of a block that also belong to another or to none."""
    in_blocks = {module for block in blocks for module in block.modules()}
    outside = [module for module in model.modules() if module not in in_blocks]
    units = [list(block.parameters()) for block in blocks]
    units.append([parameter for module in outside for parameter in module.parameters(recurse=False)])
    times = Counter(parameter for unit in units for parameter in dict.fromkeys(unit))
    for parameter, number in times.items():
        if parameter.ndim == 0 or number > 1:
            yield parameter


def _on_its_devices(sliced: Any) -> Any:
    """Return a sliced tensor whose slices lie where the processes can exchange them, not in main memory."""
    local, mesh = sliced.to_local(), sliced.device_mesh
    if local.device.type == mesh.device_type:
        return sliced
    from torch.distributed.tensor import DTensor

    there = local.to(mesh.device_type)
    whole = {"shape": sliced.shape, "stride": sliced.stride()}
    return DTensor.from_local(there, mesh, sliced.placements, run_check=False, **whole)


def _local(tensor: Any) -> Tensor:
    local: Tensor = tensor.to_local() if is_sliced(tensor) else tensor
    return local


def _sum_of_squares(tensors: Iterable[Tensor], device: torch.device) -> Tensor:
    total = torch.zeros((), device=device)
    for tensor in tensors:
        total += tensor.float().square().sum().to(device)
    return total
