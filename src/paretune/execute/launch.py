"""How the processes of workers come about: each as a new interpreter, or forked from one that is ready."""

import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import IO, NamedTuple, Protocol

from paretune.store import Store

FREE_SPACE = "free space, then run again"
"""What helps where nothing can be written."""


class Process(Protocol):
    """A worker's process, with what is used of `subprocess.Popen` here."""

    @property
    def returncode(self) -> int | None:
        """Return how it ended: a code, or a signal below zero. None while it runs, as far as is known."""

    def poll(self) -> int | None:
        """Find out whether it has ended, and return how."""

    def wait(self) -> int:
        """Wait until it has ended, and return how."""

    def kill(self) -> None:
        """Kill it, unless it has ended."""


class Launched(NamedTuple):
    """A worker that was started."""

    process: Process
    stdin: IO[bytes]
    stdout: IO[bytes]


class Launcher(Protocol):
    """Starts workers. The processes lie in sessions of their own: Ctrl-C does not reach them."""

    def launch(self, arguments: Sequence[str], log: IO[bytes], environment: Mapping[str, str]) -> Launched:
        """Start a worker with these arguments and further environment variables. Its errors go to `log`."""


Launching = Callable[[Store, Mapping[str, str]], AbstractContextManager[Launcher]]
"""Makes what starts the workers of a store in an environment."""


class NewInterpreters:
    """Starts every worker as a new interpreter, or by the command that is given."""

    def __init__(self, command: Sequence[str], environment: Mapping[str, str]) -> None:
        """Start workers by `command`, whose last words will be their arguments, in this environment."""
        self._command = command
        self._environment = environment

    def launch(self, arguments: Sequence[str], log: IO[bytes], environment: Mapping[str, str]) -> Launched:
        """Start one."""
        process = subprocess.Popen(
            [*self._command, *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            env={**self._environment, **environment},
            start_new_session=True,
        )
        assert process.stdin is not None
        assert process.stdout is not None
        return Launched(process, process.stdin, process.stdout)


def new_interpreters(
    store: Store,  # noqa: ARG001 (the signature of `Launching`)
    environment: Mapping[str, str],
    command: Sequence[str] = (sys.executable, "-m", "paretune.execute.worker"),
) -> AbstractContextManager[Launcher]:
    """Start every worker anew, by default as an interpreter of this Python. They are to be killed by the caller."""
    return nullcontext(NewInterpreters(command, environment))
