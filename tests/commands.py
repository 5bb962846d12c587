"""Commands as a person would run them, without waiting for the libraries each time."""

import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

from paretune.execute.fork_server import ForkServer
from paretune.store import Store

Done = subprocess.CompletedProcess[str]


class Commands:
    """Runs `paretune WORDS`, each in a process of its own, forked from one that has imported the libraries."""

    def __init__(self, folder: Path, variables: Mapping[str, str] | None = None) -> None:
        """Start the process that forks, with these environment variables beside ours, and its log in the folder."""
        self._variables = {"COLUMNS": "160", "HF_HUB_OFFLINE": "1", **(variables or {})}
        command = [sys.executable, "-m", "tests.command_server"]
        self._server = ForkServer(Store(folder), os.environ | self._variables, command)

    def __enter__(self) -> "Commands":
        self._server.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.__exit__()

    def __call__(self, *words: str | Path, cwd: Path | None = None) -> Done:
        """Run a command with the environment variables of this moment, and return what it printed and its exit code."""
        with tempfile.TemporaryFile() as errors:
            arguments = [str(cwd or Path.cwd()), *map(str, words)]
            started = self._server.launch(arguments, errors, os.environ | self._variables)
            started.stdin.close()
            with started.stdout as output:
                printed = output.read().decode()
            code = started.process.wait()
            errors.seek(0)
            return subprocess.CompletedProcess(arguments[1:], code, printed, errors.read().decode())
