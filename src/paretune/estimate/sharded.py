"""One device's share of fully sharded training, by the rules of PyTorch's FSDP2 (`torch.distributed.fsdp.fully_shard`).

Every parameter is cut along its first dimension, the last piece padded to the size of the others. Blocks of the model
are units: a unit's parameters are whole only while it computes, and the next unit's are gathered meanwhile. What
belongs to no block stays whole from the forward pass to the end of the backward pass. Gradients are whole for one unit
at a time, then cut as the parameters are; optimizer states exist only for the pieces. Each device computes its own
batch.
"""

from typing import NamedTuple

import numpy as np
from torch import nn

from paretune.engine.sharding import blocks_of
from paretune.measure import StorageLog
from paretune.measure.storage_log import KINDS
from paretune.spec.memory import MemoryKind

UNITS_WHOLE = 2
"""Units whose parameters are whole at once: the one that computes and the next."""

ASSUMPTIONS = (
    "fully_shard on every block and on the whole model, parameters of blocks let go after the forward pass",
    "frozen and trained parameters are both sharded; buffers are not",
    f"{UNITS_WHOLE} blocks and everything outside the blocks are whole at once, and one block's gradients",
    "every device has a batch of its own of the size that was asked for",
    "buffers of the communication library are not counted",
)


class Shards(NamedTuple):
    """Bytes of a model's parameters on one of several devices."""

    share: float
    """Bytes held for good, over the bytes of the whole."""
    trained_share: float
    """The same for trained parameters: gradients and optimizer states follow them."""
    whole_bytes: int
    """Bytes that are whole for a time, on top of the shares."""
    whole_gradient_bytes: int


def shards_of(model: nn.Module, num_devices: int) -> Shards:
    """Return what one of `num_devices` holds of a model. Blocks are those that its library never splits."""
    parameters = list(model.parameters())
    trained = [parameter for parameter in parameters if parameter.requires_grad]
    units = [list(block.parameters()) for block in blocks_of(model)]
    in_units = {id(parameter) for unit in units for parameter in unit}
    outside = [parameter for parameter in parameters if id(parameter) not in in_units]
    largest = max((_whole(unit) for unit in units), default=0)
    largest_trained = max((_whole([p for p in unit if p.requires_grad]) for unit in units), default=0)
    return Shards(
        share=_ratio(parameters, num_devices),
        trained_share=_ratio(trained, num_devices),
        whole_bytes=_whole(outside) + min(UNITS_WHOLE, len(units)) * largest,
        whole_gradient_bytes=max(largest_trained, _whole([p for p in outside if p.requires_grad])),
    )


def sharded_log(log: StorageLog, shards: Shards) -> StorageLog:
    """Return the log of one device: shares in place of the whole, and what is whole for a time from the start on."""
    factors = {
        MemoryKind.BASE_WEIGHTS: shards.share,
        MemoryKind.ADAPTER: shards.share,
        MemoryKind.GRADIENTS: shards.trained_share,
        MemoryKind.OPTIMIZER_STATE: shards.trained_share,
    }
    factor = np.array([factors.get(kind, 1.0) for kind in KINDS])
    change = np.rint(log.change_bytes * factor[log.kind[log.storage]]).astype(np.int64)
    weights, gradients = KINDS.index(MemoryKind.BASE_WEIGHTS), KINDS.index(MemoryKind.GRADIENTS)
    extra = [(shards.whole_bytes, weights), (shards.whole_gradient_bytes, gradients)]
    num_extra = len(extra)
    return StorageLog(
        storage=np.concatenate([np.arange(num_extra), log.storage + num_extra]),
        change_bytes=np.concatenate([np.array([num_bytes for num_bytes, _ in extra]), change]),
        kind=np.concatenate([np.array([kind for _, kind in extra], dtype=np.int8), log.kind]),
        marks=tuple(mark._replace(position=mark.position + num_extra) for mark in log.marks),
    )


def _whole(parameters: list[nn.Parameter]) -> int:
    return sum(parameter.numel() * parameter.element_size() for parameter in parameters)


def _ratio(parameters: list[nn.Parameter], num_devices: int) -> float:
    """Return the bytes of one device's pieces over the bytes of the whole."""
    whole = _whole(parameters)
    pieces = 0
    for parameter in parameters:
        rows = parameter.shape[0] if parameter.ndim else 1
        row_bytes = parameter.numel() * parameter.element_size() // max(1, rows)
        pieces += -(-rows // num_devices) * row_bytes
    return pieces / whole if whole else 1.0
