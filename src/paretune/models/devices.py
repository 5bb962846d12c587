"""Which accelerators there are to give away, one to a process. Nothing here initialises CUDA: each process does."""

import os
from collections.abc import Sequence

from paretune.models.hardware import default_device
from paretune.spec import InputError

CUDA_VARIABLE = "CUDA_VISIBLE_DEVICES"


def visible_devices() -> tuple[str, ...]:
    """Return this machine's accelerators, as `device_environment` takes them; none where trials run on the processor.

    Of CUDA devices, those that CUDA_VISIBLE_DEVICES leaves visible, by its own names: indices, or UUIDs of GPUs or of
    parts of one (MIG). CUDA shows a process no more than one such part, so there the variable is believed as it is.
    Of other accelerators there is one, which all trials share.
    """
    import torch

    kind = default_device().type
    if kind == "cpu":
        return ()
    if kind != "cuda":
        return (kind,)
    number, chosen = torch.cuda.device_count(), os.environ.get(CUDA_VARIABLE)
    if chosen is None:
        return tuple(str(index) for index in range(number))
    names = tuple(name.strip() for name in chosen.split(","))
    return names if names[0].startswith("MIG-") else names[:number]


def device_environment(device: str | None) -> dict[str, str]:
    """Return the variables under which a process sees one device of `visible_devices` and no other."""
    return {} if device is None or device in {"xpu", "mps"} else {CUDA_VARIABLE: device}


def check_jobs(jobs: int, devices: Sequence[str], *, share_devices: bool) -> None:
    """Raise `InputError` where several trials would share an accelerator that nobody said they may share."""
    if share_devices or not devices or jobs <= len(devices):
        return
    number = "1 accelerator" if len(devices) == 1 else f"{len(devices)} accelerators"
    raise InputError(
        f"--jobs {jobs}: this machine has {number}, and each trial gets one of its own; lower --jobs to "
        f"{len(devices)}, or let trials share with --share-devices"
    )


def check_shards(num_devices: int, devices: Sequence[str], *, jobs: int | None, packs: bool) -> None:
    """Raise `InputError` where a trial cannot be sharded over so many accelerators, or over processes without any.

    `packs` says that trials may be trained in one pass.
    """
    setting = f"recipe: sharding.devices = {num_devices}"
    if jobs != 1:
        raise InputError(f"{setting}: sharded trials run one at a time; leave --jobs out")
    if packs:
        raise InputError(f"{setting}: sharded trials cannot be trained in one pass; leave --pack out")
    if not devices:
        return
    if devices[0] in {"xpu", "mps"}:
        raise InputError(f"{setting}: sharding goes with CUDA devices or none; leave it out")
    if num_devices > len(devices):
        number = "1 accelerator" if len(devices) == 1 else f"{len(devices)} accelerators"
        raise InputError(f"{setting}: this machine has {number}; lower sharding.devices, or leave it out")


def least_used(devices: Sequence[str], used: Sequence[str | None]) -> str | None:
    """Return the device that is used least often, the first of equals, or None where there is none."""
    return min(devices, key=used.count, default=None)
