"""How a number is read out of a generated text."""

import re
from decimal import Decimal, InvalidOperation

_NUMBER = r"[-+]?\$?(?:\d[\d,]*\.?\d*|\.\d+)"
_MARKED = re.compile(rf"####\s*({_NUMBER})")
_ANY = re.compile(_NUMBER)
_RANGE_OR_MINUS = re.compile(r"(?<=\d)\s*-\s*(?=[\d$])")


def marked_number(text: str) -> str | None:
    """Return the number after the first `####`, or None: the strict reader."""
    found = _MARKED.search(text)
    return _plain(found[1]) if found else None


def last_number(text: str) -> str | None:
    """Return the last number of a text, or None: the lenient reader. A minus between two numbers is no sign."""
    found = _ANY.findall(_RANGE_OR_MINUS.sub(" - ", text).replace("- ", "  "))
    return _plain(found[-1]) if found else None


def _plain(number: str) -> str | None:
    """Return a number in the one form in which equal numbers are equal texts."""
    try:
        value = Decimal(number.replace(",", "").replace("$", "").rstrip("."))
    except InvalidOperation:
        return None
    return format(value.normalize() + 0, "f")
