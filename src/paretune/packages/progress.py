"""Saying on stderr what takes long: a turning wheel in a terminal, plain lines in a log."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console


@contextmanager
def step(message: str) -> Iterator[None]:
    """Say `message` once, and show that work goes on for as long as the block runs."""
    console = Console(file=sys.stderr, highlight=False, soft_wrap=True)
    if not console.is_terminal:
        console.print(message, markup=False)
        yield
        return
    with console.status(message):
        yield
    console.print(f"{message}: done", markup=False)
