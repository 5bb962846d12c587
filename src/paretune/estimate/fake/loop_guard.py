"""Ends loops that wait for an unknown value to change."""

import sys
from types import FrameType
from typing import NamedTuple

from paretune.spec import InputError

MOST_QUESTIONS = 3_000
"""Unknown values that one line of a program may read in a row."""

_NOT_ASKING = ("torch.", "paretune.estimate.")


class _Place(NamedTuple):
    module: str
    line: int


class LoopGuard:
    """Counts reads of unknown values, by the line of the program."""

    def __init__(self) -> None:
        self._place: _Place | None = None
        self._num_questions = 0

    def ask(self) -> None:
        """Count a read by the program's innermost line outside torch.

        Raises `InputError` where that line has read too many with no other line in between: since the value never
        changes, the loop would not end.
        """
        place = _asking(sys._getframe(1))
        self._num_questions = self._num_questions + 1 if place == self._place else 1
        self._place = place
        if self._num_questions > MOST_QUESTIONS:
            raise InputError(
                f"it waits for values that are unknown without weights ({place.module}, line {place.line}, asked for "
                f"them {MOST_QUESTIONS} times)"
            )


def _asking(frame: FrameType) -> _Place:
    asking = frame
    while asking.f_back is not None and f"{asking.f_globals.get('__name__', '')}.".startswith(_NOT_ASKING):
        asking = asking.f_back
    return _Place(str(asking.f_globals.get("__name__")), asking.f_lineno)
