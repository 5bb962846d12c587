"""Waiting for processes of a run that were left to end by themselves."""

import subprocess
import time
from pathlib import Path

_LONGEST_SECONDS = 1800


def left_over(folder: Path) -> str:
    """Return the process ids of those that work on a folder, once all have ended or a long time has passed."""
    give_up = time.monotonic() + _LONGEST_SECONDS
    while (found := _working_on(folder)) and time.monotonic() < give_up:
        time.sleep(0.05)
    return found


def workers_on(folder: Path) -> list[int]:
    """Return the process ids of the workers of a run: the children of its fork server, which has the same words."""
    listed = subprocess.run(["ps", "-wweo", "pid=,ppid=,args="], capture_output=True, text=True, check=True).stdout
    parents = {int(pid): int(ppid) for pid, ppid, words in map(_split, listed.splitlines()) if str(folder) in words}
    return [process for process, parent in parents.items() if parent in parents]


def children_of(process: int) -> list[int]:
    """Return the process ids of a process's children."""
    listed = subprocess.run(["ps", "-o", "pid=", "--ppid", str(process)], capture_output=True, text=True, check=False)
    return [int(pid) for pid in listed.stdout.split()]


def _split(line: str) -> list[str]:
    return line.split(maxsplit=2)


def _working_on(folder: Path) -> str:
    return subprocess.run(["pgrep", "-f", str(folder)], capture_output=True, text=True, check=False).stdout
