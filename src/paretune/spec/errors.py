"""The one error that means: the person can mend this."""

import difflib
from collections.abc import Iterable


class InputError(ValueError):
    """Something a person gave us cannot be used. The message is one line that names the place and the mend.

    The command line prints it without a traceback and exits with code 2.
    """


def nearest(name: str, known: Iterable[str]) -> str:
    """Return ' (did you mean "x"?)' for the known name closest to `name`, or an empty string."""
    matches = difflib.get_close_matches(name, list(known), n=1, cutoff=0.5)
    return f' (did you mean "{matches[0]}"?)' if matches else ""


def one_line(error: BaseException) -> str:
    """Return an exception's message on one line, falling back to its type where it has none."""
    return " ".join(str(error).split()) or type(error).__name__
