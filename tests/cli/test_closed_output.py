"""Whoever reads a command's output may stop early, as `head` does."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from paretune.cli import READER_GONE

COMMANDS = {
    "help": ["--help"],
    "version": ["--version"],
    "methods": ["methods"],
    "method": ["methods", "lily"],
    "tasks": ["tasks", "--json"],
    "audit": ["audit", "ln-tuning"],
    "results": ["results", "DIR"],
    "compare": ["compare", "DIR", "lora", "base", "--across"],
    "recommend": ["recommend", "DIR"],
    "claim": ["claim", "DIR", "lora beats base"],
    "page": ["page", "DIR", "-o", "OUT"],
    "plan": ["run", "DIR/../toy.toml", "--plan"],
    "run": ["run", "DIR/../toy.toml", "--out", "DIR"],
}


def _unread(arguments: list[str], *, errors_too: bool = False) -> "subprocess.CompletedProcess[str]":
    """Run a command whose output goes into a pipe that nobody reads any more."""
    reading, writing = os.pipe()
    os.close(reading)
    command = [sys.executable, "-m", "paretune", *arguments]
    try:
        return subprocess.run(
            command,
            stdout=writing,
            stderr=writing if errors_too else subprocess.PIPE,
            text=True,
            check=False,
            timeout=300,
        )
    finally:
        os.close(writing)


@pytest.mark.parametrize("words", COMMANDS.values(), ids=COMMANDS.keys())
def test_a_command_ends_quietly_when_nobody_reads_its_output(words: list[str], finished: Path, tmp_path: Path) -> None:
    places = {"DIR": str(finished), "OUT": str(tmp_path / "page.html")}
    arguments = [word.replace("DIR", places["DIR"]).replace("OUT", places["OUT"]) for word in words]
    done = _unread(arguments)
    assert done.returncode == READER_GONE
    for word in ("Traceback", "Exception ignored", "Broken", "paretune:"):
        assert word not in done.stderr


def test_so_it_does_when_its_complaint_is_not_read_either() -> None:
    assert _unread(["methods", "no-such-method"], errors_too=True).returncode == READER_GONE
