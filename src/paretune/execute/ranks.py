"""The processes of one trial over several devices, started as torchrun starts them: one for each device."""

import os
import subprocess
import sys
import threading
from collections.abc import Sequence
from typing import IO

_HOST = "127.0.0.1"


class Ranks:
    """Processes of this Python that find each other by torchrun's environment variables. Each sees all devices.

    Their standard input is a pipe that closes when this process ends: see `end_with_parent`. What they print goes to
    standard error, but for the first one's standard output.
    """

    def __init__(self, arguments: Sequence[str], number: int) -> None:
        """Start `number` of them with the same arguments, each on its share of OMP_NUM_THREADS."""
        from torch.distributed import TCPStore  # type: ignore[attr-defined] # some builds of torch have none

        self.number = number
        # On a port that is free, held open by this process as by torchrun's agent.
        self._meeting = TCPStore(_HOST, 0, is_master=True, wait_for_workers=False)
        self._processes: list[subprocess.Popen[bytes]] = []
        try:
            for rank in range(number):
                self._processes.append(self._start(arguments, rank, number))
        except BaseException:
            self.kill()
            raise

    def _start(self, arguments: Sequence[str], rank: int, number: int) -> "subprocess.Popen[bytes]":
        threads = int(os.environ.get("OMP_NUM_THREADS") or os.cpu_count() or 1)
        environment = {
            "MASTER_ADDR": _HOST,
            "MASTER_PORT": str(self._meeting.port),
            "TORCHELASTIC_USE_AGENT_STORE": "True",
            "RANK": str(rank),
            "LOCAL_RANK": str(rank),
            "WORLD_SIZE": str(number),
            "LOCAL_WORLD_SIZE": str(number),
            "OMP_NUM_THREADS": str(max(1, threads // number)),
        }
        return subprocess.Popen(
            [sys.executable, *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE if rank == 0 else sys.stderr.fileno(),
            env=os.environ | environment,
        )

    @property
    def first_output(self) -> IO[bytes]:
        """Return what the first one writes to its standard output."""
        stream = self._processes[0].stdout
        assert stream is not None
        return stream

    def ended(self) -> dict[int, int]:
        """Return how those that have ended did, by rank: a code, or a signal below zero."""
        codes = {rank: process.poll() for rank, process in enumerate(self._processes)}
        return {rank: code for rank, code in codes.items() if code is not None}

    def kill(self) -> None:
        """Kill those that have not ended, and wait for all."""
        for process in self._processes:
            process.kill()
        for process in self._processes:
            process.wait()
        for process in self._processes:
            for stream in (process.stdin, process.stdout):
                if stream is not None:
                    stream.close()


def end_with_parent() -> None:
    """End this process as soon as the one that started it ends, however that comes about."""

    def follow() -> None:
        while os.read(0, 1024):
            pass
        os._exit(1)

    threading.Thread(target=follow, daemon=True).start()
