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


@contextmanager
def without_bars() -> Iterator[None]:
    """Silence the progress bars of transformers for as long as the block runs."""
    from transformers.utils import logging

    shown = logging.is_progress_bar_enabled()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        if shown:
            logging.enable_progress_bar()


@contextmanager
def without_remarks() -> Iterator[None]:
    """Keep what transformers remarks on keys and weights away from the person: what matters of it is checked here."""
    from transformers.utils import logging

    before = logging.get_verbosity()
    logging.set_verbosity_error()
    try:
        yield
    finally:
        logging.set_verbosity(before)
