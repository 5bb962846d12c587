"""The one error that means: the person can mend this."""

import difflib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager


class InputError(ValueError):
    """Something a person gave us cannot be used. The message is one line that names the place and the mend.

    The command line prints it without a traceback and exits with code 2.
    """

    @property
    def problems(self) -> tuple[str, ...]:
        """What cannot be used, one line each."""
        return (one_line(self),)


class Unavailable(InputError):
    """This machine lacks something that a method needs: a package, or an accelerator."""


class Unreachable(InputError):
    """A server does not answer. The same may succeed later, or on a machine with another network."""


class InputErrors(InputError):
    """Several things that cannot be used. The message has a line for each."""

    def __init__(self, problems: Iterable[str]) -> None:
        self._problems = tuple(dict.fromkeys(problems))
        super().__init__("\n".join(self._problems))

    @property
    def problems(self) -> tuple[str, ...]:
        """What cannot be used, one line each."""
        return self._problems


class Problems:
    """Collects what cannot be used, so that a person is told of everything at once."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    @contextmanager
    def collected(self) -> Iterator[None]:
        """Keep an `InputError` that is raised inside, and go on behind."""
        try:
            yield
        except InputError as error:
            self.lines += error.problems

    def refuse(self) -> None:
        """Raise what was collected as one `InputErrors`, if there is anything."""
        if self.lines:
            raise InputErrors(self.lines)


@contextmanager
def naming(place: str) -> Iterator[None]:
    """Put a place, such as a study file, before every problem that is raised inside."""
    try:
        yield
    except InputError as error:
        lines = (line if line.startswith(f"{place}: ") else f"{place}: {line}" for line in error.problems)
        raise InputErrors(lines) from None


_SYNONYMS = {
    "rank": ("r",),
    "alpha": ("lora_alpha", "alpha"),
    "dropout": ("lora_dropout", "module_dropout", "dropout"),
    "lr": ("learning_rate",),
    "epochs": ("steps",),
    "max_steps": ("steps",),
    "targets": ("target_modules",),
}
"""Other words for common settings, each with the names that are used here."""
_LEAST_SIMILARITY = 0.5


def nearest(name: str, known: Iterable[str]) -> str:
    """Return ' (did you mean "x"?)' for the known name closest to `name`, or an empty string.

    A common synonym comes first, then the name with the fewest typing errors (a letter too many, missing, wrong, or two
    swapped: optimal string alignment), at most one in three letters; then the most similar one by difflib's ratio,
    of equal ones the one with fewer errors.
    """
    names = list(known)
    found = next((other for other in _SYNONYMS.get(name.lower(), ()) if other in names), None)
    if found is None and names:
        closest = min(names, key=lambda other: (_typing_errors(name, other), -_similarity(name, other)))
        if _typing_errors(name, closest) <= max(1, len(name) // 3):
            found = closest
        else:
            similar = max(names, key=lambda other: (_similarity(name, other), -_typing_errors(name, other)))
            found = similar if _similarity(name, similar) >= _LEAST_SIMILARITY else None
    return f' (did you mean "{found}"?)' if found else ""


def _similarity(one: str, other: str) -> float:
    return difflib.SequenceMatcher(None, one, other).ratio()


def _typing_errors(one: str, other: str) -> int:
    """Return the optimal string alignment distance of two words, case aside."""
    one, other = one.lower(), other.lower()
    before: list[int] = []
    row = list(range(len(other) + 1))
    for i, letter in enumerate(one, start=1):
        earlier, before, row = before, row, [i]
        for j, second in enumerate(other, start=1):
            cost = min(before[j] + 1, row[j - 1] + 1, before[j - 1] + (letter != second))
            if i > 1 and j > 1 and letter == other[j - 2] and second == one[i - 2]:
                cost = min(cost, earlier[j - 2] + 1)
            row.append(cost)
    return row[-1]


def one_line(error: BaseException) -> str:
    """Return an exception's message on one line, falling back to its type where it has none."""
    return " ".join(str(error).split()) or type(error).__name__
