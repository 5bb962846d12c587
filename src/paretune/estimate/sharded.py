"""One device's share of fully sharded training, by the rules of PyTorch's FSDP2 (`torch.distributed.fsdp.fully_shard`).

Every parameter is cut along its first dimension, the last piece padded to the size of the others. Blocks of the model
are units: a unit's parameters are whole only while it computes, and the next unit's are gathered meanwhile. What
belongs to no block stays whole from the forward pass to the end of the backward pass. Gradients are whole for one unit
at a time, then cut as the parameters are; optimizer states exist only for the pieces. Each device computes its own
batch.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from torch import nn

from paretune.engine.sharding import blocks_of, uncuttable
from paretune.measure import StorageLog
from paretune.measure.storage_log import KINDS
from paretune.spec.memory import MemoryKind

UNITS_WHOLE = 2
"""Units whose parameters are whole at once: the one that computes and the next."""

_GRADIENTS_WHOLE = 2
"""Units whose gradients are whole at once: those that are computed (a share of them is in the log already), and those
of the unit before, in the buffer that is reduced."""

ASSUMPTIONS = (
    "fully_shard on every block and on the whole model, parameters of blocks let go after the forward pass",
    "frozen and trained parameters are both sharded; buffers are not",
    f"{UNITS_WHOLE} blocks and everything outside the blocks are whole at once, and two blocks' gradients",
    "every device has a batch of its own of the size that was asked for",
    "buffers of the communication library are not counted",
)


OFFLOADED = "slices, their gradients and the optimizer's states are in main memory"
"""What is assumed besides with `cpu_offload`."""


class Shards(NamedTuple):
    """Bytes of a model's parameters on one of several devices."""

    share: float
    """Bytes held for good, over the bytes of the whole."""
    trained_share: float
    """The same for trained parameters: gradients and optimizer states follow them."""
    whole_bytes: int
    """Bytes that are whole for a time, on top of the shares."""
    unit_gradient_bytes: int
    """Gradients of the largest unit."""
    outside_gradient_bytes: int
    """Gradients of what belongs to no unit: whole until the end of the backward pass."""


def shards_of(model: nn.Module, num_devices: int, *, cpu_offload: bool = False) -> Shards:
    """Return what one of `num_devices` holds of a model. Blocks are those that its library never splits.

    With `cpu_offload` it holds only what is not cut: slices, their gradients and the optimizer's states lie in main
    memory.
    """
    blocks = blocks_of(model)
    parameters = list(model.parameters())
    trained = [parameter for parameter in parameters if parameter.requires_grad]
    units = [list(block.parameters()) for block in blocks]
    in_units = {id(parameter) for unit in units for parameter in unit}
    outside = [parameter for parameter in parameters if id(parameter) not in in_units]
    largest = max((_whole(unit) for unit in units), default=0)
    largest_trained = max((_whole([p for p in unit if p.requires_grad]) for unit in units), default=0)
    return Shards(
        share=_uncut_share(model, blocks) if cpu_offload else _ratio(parameters, num_devices),
        trained_share=0.0 if cpu_offload else _ratio(trained, num_devices),
        whole_bytes=_whole(outside) + min(UNITS_WHOLE, len(units)) * largest,
        unit_gradient_bytes=largest_trained,
        outside_gradient_bytes=_whole([p for p in outside if p.requires_grad]),
    )


class _Extra(NamedTuple):
    """Bytes that come or go at a position in a log, on top of what is in it."""

    position: int
    change_bytes: int
    storage: int
    """0 for whole parameters, 1 and 2 for whole gradients."""


def sharded_log(log: StorageLog, shards: Shards) -> StorageLog:
    """Return the log of one device: shares in place of the whole, and what is whole for a time.

    Whole parameters are there from the start of a forward pass to the optimizer's step. Whole gradients of what belongs
    to no unit come with the first gradient, and those of a unit once there are as many as one has: before that, they
    take less than the activations that they replace.
    """
    factors = {
        MemoryKind.BASE_WEIGHTS: shards.share,
        MemoryKind.ADAPTER: shards.share,
        MemoryKind.GRADIENTS: shards.trained_share,
        MemoryKind.OPTIMIZER_STATE: shards.trained_share,
    }
    factor = np.array([factors.get(kind, 1.0) for kind in KINDS])[log.kind]
    factor[_of_optimizer_steps(log)] = shards.trained_share
    change = np.rint(log.change_bytes * factor[log.storage]).astype(np.int64)
    extra = sorted(_extras(log, shards))
    places = np.array([one.position for one in extra], dtype=np.int64)
    kinds = [KINDS.index(kind) for kind in (MemoryKind.BASE_WEIGHTS, MemoryKind.GRADIENTS, MemoryKind.GRADIENTS)]
    first = len(log.kind)
    return StorageLog(
        storage=np.insert(log.storage, places, [first + one.storage for one in extra]),
        change_bytes=np.insert(change, places, [one.change_bytes for one in extra]),
        kind=np.concatenate([log.kind, np.array(kinds, dtype=log.kind.dtype)]),
        marks=tuple(
            mark._replace(position=mark.position + int(np.searchsorted(places, mark.position))) for mark in log.marks
        ),
    )


def _extras(log: StorageLog, shards: Shards) -> Iterator[_Extra]:
    gradient = np.flatnonzero(log.kind[log.storage] == KINDS.index(MemoryKind.GRADIENTS))
    for start, stop in _windows(log, "forward", "optimizer"):
        yield _Extra(start, shards.whole_bytes, 0)
        yield _Extra(stop, -shards.whole_bytes, 0)
        came = gradient[(gradient >= start) & (gradient < stop)]
        if not len(came):
            continue
        outside = round(shards.outside_gradient_bytes * (1 - shards.trained_share))
        yield _Extra(int(came[0]), outside, 1)
        yield _Extra(stop, -outside, 1)
        of_a_unit = np.flatnonzero(np.cumsum(log.change_bytes[came]) >= shards.unit_gradient_bytes)
        if len(of_a_unit):
            whole = round(shards.unit_gradient_bytes * (_GRADIENTS_WHOLE - shards.trained_share))
            yield _Extra(int(came[of_a_unit[0]]), whole, 2)
            yield _Extra(stop, -whole, 2)


def _of_optimizer_steps(log: StorageLog) -> NDArray[np.int64]:
    """Return the storages that came while the optimizer stepped: it computes with slices."""
    numbers, births = np.unique(log.storage, return_index=True)
    inside = np.zeros(len(births), dtype=bool)
    for start, stop in _windows(log, "optimizer", "stepped"):
        inside |= (births >= start) & (births < stop)
    found: NDArray[np.int64] = numbers[inside]
    return found


def _windows(log: StorageLog, first: str, last: str) -> Iterator[tuple[int, int]]:
    """Yield the events from each mark of one name to the next mark of another."""
    start = None
    for position, name in log.marks:
        if name == first and start is None:
            start = position
        elif name == last and start is not None:
            yield start, position
            start = None


def _whole(parameters: list[nn.Parameter]) -> int:
    return sum(parameter.numel() * parameter.element_size() for parameter in parameters)


def _uncut_share(model: nn.Module, blocks: list[nn.Module]) -> float:
    """Return the bytes of buffers and of parameters that are never cut, over those of all."""
    buffers = sum(buffer.numel() * buffer.element_size() for buffer in model.buffers())
    whole = _whole(list(model.parameters())) + buffers
    return (buffers + _whole(list(uncuttable(model, blocks)))) / whole if whole else 0.0


def _ratio(parameters: list[nn.Parameter], num_devices: int) -> float:
    """Return the bytes of one device's pieces over the bytes of the whole."""
    whole = _whole(parameters)
    pieces = 0
    for parameter in parameters:
        rows = parameter.shape[0] if parameter.ndim else 1
        row_bytes = parameter.numel() * parameter.element_size() // max(1, rows)
        pieces += -(-rows // num_devices) * row_bytes
    return pieces / whole if whole else 1.0
