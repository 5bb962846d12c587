"""How much memory a worker may take: free bytes of a device, found out without touching it in this process."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from paretune.models.devices import device_environment

USED_SHARE = 0.9
"""Share of free memory that predictions may fill: allocators and libraries take some that is not predicted."""
_PROC, _CGROUPS = Path("/proc"), Path("/sys/fs/cgroup")
_ASK = "import torch; print(torch.cuda.mem_get_info()[0])"


def free_bytes(device: str | None) -> int | None:
    """Return the free bytes of an accelerator of `visible_devices`, or of the main memory for None.

    None where nothing says it: of accelerators that are not CUDA's, and of other systems than Linux.
    """
    if device is None:
        return free_main_memory()
    if device in {"xpu", "mps"}:
        return None
    environment = os.environ | device_environment(device)
    done = subprocess.run([sys.executable, "-c", _ASK], capture_output=True, text=True, check=False, env=environment)
    return int(done.stdout) if done.returncode == 0 else None


def free_main_memory(proc: Path = _PROC, cgroups: Path = _CGROUPS) -> int | None:
    """Return the bytes that a process may still take: of the machine, and of this process's control groups."""
    found = [number for number in (_available(proc), *_left_in_groups(proc, cgroups)) if number is not None]
    return min(found, default=None)


def _available(proc: Path) -> int | None:
    for line in _text(proc / "meminfo").splitlines():
        name, _, value = line.partition(":")
        if name == "MemAvailable":
            return int(value.split()[0]) * 1024
    return None


def _left_in_groups(proc: Path, cgroups: Path) -> Iterator[int]:
    """Yield what each control group that this process is in, of version 2 or 1, leaves below its limit.

    The files of a container's own group lie at the root where the container sees no other.
    """
    for line in _text(proc / "self" / "cgroup").splitlines():
        _, controllers, path = line.split(":", 2)
        if not controllers:
            places, limit, used = (cgroups / path.lstrip("/"), cgroups), "memory.max", "memory.current"
        elif "memory" in controllers.split(","):
            root = cgroups / "memory"
            places, limit, used = (root / path.lstrip("/"), root), "memory.limit_in_bytes", "memory.usage_in_bytes"
        else:
            continue
        for place in places:
            most, taken = _text(place / limit).strip(), _text(place / used).strip()
            if most.isdigit() and taken.isdigit():
                yield max(0, int(most) - int(taken))


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="ascii")
    except OSError:  # another system, or a sandbox that hides it
        return ""
