"""Values of a row as text."""

import json
import math
from collections.abc import Mapping
from typing import Any


class Dropped(Exception):
    """A row that cannot be used; its message says why, in the words of the data report."""


def as_text(value: Any) -> str | None:
    """Return a value as text, or None where it says nothing.

    True and false are written as in JSON, whole numbers without a decimal point, bytes as the UTF-8 that they are. Of a
    list, and of the answers of a reading task, the first text counts. Raises `Dropped` for other bytes.
    """
    if value is None or type(value) is str:  # as nearly all values are
        return value if value and value.strip() else None
    match _decoded(value) if isinstance(value, bytes) else value:
        case str() as value:
            return value if value.strip() else None
        case bool():
            return "true" if value else "false"
        case float():
            return None if math.isnan(value) else str(int(value)) if value.is_integer() else repr(value)
        case list() | tuple():
            return as_text(value[0]) if value and not isinstance(value[0], Mapping) else None
        case _:
            return str(value)


def _decoded(value: bytes) -> str:
    try:
        return value.decode()
    except UnicodeDecodeError:
        raise Dropped("bytes that are not UTF-8") from None


def parsed(text: str) -> Any:
    """Return what a text says as JSON, None where it is none."""
    try:
        return json.loads(text)
    except json.JSONDecodeError:
        return None
