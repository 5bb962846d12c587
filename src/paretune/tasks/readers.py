"""How an answer is read out of a generated text.

Thousands may be grouped by commas or, from a million on, by dots, as in `final_answer`. A multiple of pi is no number.
"""

import re
from decimal import Decimal, InvalidOperation

from paretune.tasks.final_answer import CONSTANT, ungrouped

_NUMBER = r"[-+]?\$?(?:\d[\d,]*(?:\.\d+)*\.?|(?:\.\d+)+)"
_MARKED = re.compile(rf"####\s*({_NUMBER})")
_ANY = re.compile(rf"({_NUMBER})")
_RANGE_OR_MINUS = re.compile(r"(?<=\d)\s*-\s*(?=[\d$])")


def marked_number(text: str) -> str | None:
    """Return the number after the first `####`, or None: the strict reader."""
    found = _MARKED.search(text)
    return _plain(found) if found else None


def last_number(text: str) -> str | None:
    """Return the last number of a text, or None: the lenient reader. A minus between two numbers is no sign."""
    found = list(_ANY.finditer(_RANGE_OR_MINUS.sub(" - ", text).replace("- ", "  ")))
    return _plain(found[-1]) if found else None


def is_answer(text: str, target: str) -> tuple[bool, bool]:
    """Tell whether a text is the answer, and whether it begins with it or its last number is it: strict and lenient.

    Case, and how much white space there is, do not count.
    """
    said, wanted = as_compared(text), as_compared(target)
    return said == wanted, said.startswith(wanted) or last_number(text) == wanted


def as_compared(text: str) -> str:
    """Return a text without what does not count: case, and how much white space there is."""
    return " ".join(text.casefold().split())


def _plain(found: re.Match[str]) -> str | None:
    """Return a number in the one form in which equal numbers are equal texts; None where it is none after all."""
    if CONSTANT.match(found.string, found.end()):
        return None
    try:
        value = Decimal(ungrouped(found[1].replace("$", "").rstrip(".")))
    except InvalidOperation:  # several dots that group nothing, as in a date
        return None
    return format(value.normalize() + 0, "f")
