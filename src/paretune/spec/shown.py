"""What people see of an object: a short repr, and on demand the words or the table that the command prints.

`print(comparison)` prints what `paretune compare` prints, and a notebook shows the same. Those texts are made in the
layer `report`, far above; it is named here and imported only when something is shown.
"""

import reprlib
from importlib import import_module
from typing import Any

_REPORT = "paretune.report.shown"

_brief = reprlib.Repr()
_brief.maxstring, _brief.maxother, _brief.maxlevel = 100, 120, 3
_brief.maxdict = _brief.maxtuple = _brief.maxlist = 6


class Brief:
    """A value whose repr is short: what is left out is marked by "..."."""

    def __init__(self, value: object) -> None:
        self._value = value

    def __repr__(self) -> str:
        return _brief.repr(self._value)


class Shown:
    """What `print` and notebooks show as the command does. The repr stays one line."""

    def __str__(self) -> str:
        return str(_report().text_of(self))

    def _repr_html_(self) -> str:
        """Return the same as HTML, in which everything that comes from data is escaped."""
        return str(_report().html_of(self))


def _report() -> Any:
    return import_module(_REPORT)
