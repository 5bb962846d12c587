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


def least_used(devices: Sequence[str], used: Sequence[str | None]) -> str | None:
    """Return the device that is used least often, the first of equals, or None where there is none."""
    return min(devices, key=used.count, default=None)
