"""Forks a process for each command, once the libraries are imported: `python -m tests.command_server SOCKET FOLDER`."""

import os
import signal
import socket
import sys
from collections.abc import Sequence
from contextlib import suppress
from importlib import import_module

from paretune.execute.fork_server import import_libraries, serve

LIMIT = 600
"""Seconds after which a command is killed, so that one that hangs does not stop all tests."""
_FURTHER = ("paretune.cli.app", "paretune.estimate", "paretune.report", "paretune.tasks", "duckdb", "scipy.stats")


def main(arguments: Sequence[str]) -> int:
    """Run the command line in a folder, the first of the arguments."""
    from paretune.cli import main

    signal.alarm(LIMIT)
    folder, *words = arguments
    os.chdir(folder)
    sys.argv = ["paretune", *words]
    main()
    raise AssertionError("the command line ends with an exit code")


if __name__ == "__main__":
    import_libraries()
    with suppress(ImportError):
        for name in _FURTHER:
            import_module(name)
    with socket.socket(fileno=int(sys.argv[1])) as parent:
        serve(parent, main)
