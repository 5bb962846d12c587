"""What libraries warn of while a trial runs: into the record, and into the worker's log."""

import logging
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

_OWN_HANDLERS = ("transformers", "diffusers", "torch")
"""Loggers that print by themselves and pass nothing on to the root logger."""


class LibraryWarnings:
    """Warnings as single lines, each once, in the order in which they came. Standard error gets each once too."""

    def __init__(self) -> None:
        self._lines: dict[str, None] = {}

    @property
    def lines(self) -> tuple[str, ...]:
        """The warnings so far."""
        return tuple(self._lines)

    def add(self, text: str) -> None:
        """Keep a warning, unless the same text is there already."""
        line = " ".join(text.split())
        if line and line not in self._lines:
            self._lines[line] = None
            print(line, file=sys.stderr, flush=True)


@contextmanager
def collect_warnings() -> Iterator[LibraryWarnings]:
    """Yield the warnings given inside, by Python's `warnings` and by loggers at level WARNING or above."""
    found = LibraryWarnings()
    handler = _Handler(found)
    root = logging.getLogger()
    printing = [logging.getLogger(name) for name in _OWN_HANDLERS]
    before = [(logger.handlers, logger.level) for logger in printing]
    with warnings.catch_warnings():
        warnings.showwarning = lambda message, *_: found.add(str(message))
        root.addHandler(handler)
        for logger in printing:
            logger.handlers = [handler]
            logger.setLevel(logging.WARNING)
        try:
            yield found
        finally:
            root.removeHandler(handler)
            for logger, (handlers, level) in zip(printing, before, strict=True):
                logger.handlers = handlers
                logger.setLevel(level)


class _Handler(logging.Handler):
    def __init__(self, found: LibraryWarnings) -> None:
        super().__init__(logging.WARNING)
        self._found = found

    def emit(self, record: logging.LogRecord) -> None:
        self._found.add(record.getMessage())
