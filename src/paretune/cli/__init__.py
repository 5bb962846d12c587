"""The command line. What it does lives below; here are only words, bars and exit codes."""

import os
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

READER_GONE = 141
"""What a shell shows for a process that ended because nobody reads its output any more: 128 + SIGPIPE."""


def main() -> None:
    """Run the command line. Exit codes: 0 success, 1 a trial did not end, 2 wrong use with one clear line.

    Where the reader of the output goes away, as `head` does, the command ends without a word and with code 141.
    """
    warnings.filterwarnings("ignore", category=FutureWarning)  # what libraries will rename is nothing to a person here
    try:
        with _plain_plugin_warnings():
            code = _run()
        sys.stdout.flush()
        sys.stderr.flush()
    except (BrokenPipeError, SystemExit) as error:
        if not _is_broken_pipe(error):
            raise
        code = READER_GONE
        _discard_output()
    sys.exit(code)


def _run() -> int:
    import typer.exceptions

    from paretune.cli.app import app
    from paretune.spec.errors import InputError, one_line

    try:
        return app(standalone_mode=False) or 0
    except InputError as error:
        return _complain(*error.problems)
    except typer.exceptions.TyperException as error:
        if type(error).__name__ == "NoArgsIsHelpError":  # typer's own copy of click does not export it
            print(error.format_message(), file=sys.stderr)
            return 2
        return _complain(one_line(RuntimeError(error.format_message())))
    except (KeyboardInterrupt, typer.Abort):
        print("paretune: stopped; re-run the same command to resume", file=sys.stderr)
        return 130


@contextmanager
def _plain_plugin_warnings() -> Iterator[None]:
    """Let a plug-in that is left out be one line, without the place in our code that noticed it."""
    from paretune.plugins import PluginWarning

    usual: Any = warnings.formatwarning

    def line(message: Any, category: type[Warning], *place: Any, **more: Any) -> str:
        if issubclass(category, PluginWarning):
            return f"paretune: {message}\n"
        text: str = usual(message, category, *place, **more)
        return text

    warnings.formatwarning = line
    try:
        yield
    finally:
        warnings.formatwarning = usual


def _complain(*messages: str) -> int:
    for message in messages:
        print(f"paretune: {message}", file=sys.stderr)
    return 2


def _is_broken_pipe(error: BaseException) -> bool:
    """Tell whether an error comes from a closed pipe. rich and typer answer one with an exit of their own."""
    return isinstance(error, BrokenPipeError) or isinstance(error.__context__, BrokenPipeError)


def _discard_output() -> None:
    """Let what is still buffered go nowhere: Python writes it out once more while it shuts down."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for stream in (sys.stdout, sys.stderr):
        os.dup2(nowhere, stream.fileno())
