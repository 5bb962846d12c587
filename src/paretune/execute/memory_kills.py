"""Whether the kernel killed a process for lack of memory: ours, or one somewhere on the machine."""

from pathlib import Path
from typing import NamedTuple

_PROC, _CGROUPS = Path("/proc"), Path("/sys/fs/cgroup")
_COUNTER = "oom_kill"


class MemoryKills(NamedTuple):
    """Processes that the Linux kernel has killed for lack of memory, as counted so far."""

    here: int | None
    """In the control group of this process and its children; None where no control group counts them."""
    machine: int | None
    """On the whole machine; None elsewhere than on Linux."""

    def rose_since(self, earlier: "MemoryKills") -> bool | None:
        """Tell whether one of ours was killed since; None where it may have been another's."""
        if self.here is not None and earlier.here is not None:
            return self.here > earlier.here
        if self.machine is not None and earlier.machine is not None and self.machine == earlier.machine:
            return False
        return None


def memory_kills(proc: Path = _PROC, cgroups: Path = _CGROUPS) -> MemoryKills:
    """Return the counters of the kernel. `proc` and `cgroups` are where it shows them."""
    found = (_count(file) for file in _files_here(proc, cgroups))
    here = next((number for number in found if number is not None), None)
    return MemoryKills(here, _count(proc / "vmstat"))


def _files_here(proc: Path, cgroups: Path) -> list[Path]:
    """Return the files that may hold the counter of this process's control group, of version 2 or 1.

    The root of all groups has no such file of version 2, and one of version 1 that counts nothing of its children.
    """
    lines = _lines(proc / "self" / "cgroup")
    files = []
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if not controllers:
            files.append(cgroups / path.lstrip("/") / "memory.events")
        elif "memory" in controllers.split(","):
            files.append(cgroups / "memory" / path.lstrip("/") / "memory.oom_control")
    return files


def _count(file: Path) -> int | None:
    for line in _lines(file):
        name, _, value = line.partition(" ")
        if name == _COUNTER:
            return int(value)
    return None


def _lines(file: Path) -> list[str]:
    try:
        return file.read_text(encoding="ascii").splitlines()
    except OSError:  # another system, or a sandbox that hides it
        return []
