"""How one trial is spread over several devices."""

from pydantic import Field

from paretune.spec.base import Data, later

_MOST_DEVICES = 1024


class Sharding(Data):
    """Fully sharded training: each device holds a slice of every parameter and takes its share of every batch."""

    devices: int = Field(ge=2, le=_MOST_DEVICES)
    """Devices of one machine; without an accelerator, processes."""
    cpu_offload: bool = later(False)
    """Keep slices, their gradients and the optimizer's states in main memory: a block is on the devices only while it
    computes."""
