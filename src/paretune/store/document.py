"""A nested JSON document that is taken apart field by field, so that what nobody took is known."""

import copy
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from paretune.spec import InputError, one_line


class Document:
    """One parsed JSON object. Paths are keys joined by dots; an index into a list is a number, -1 the last."""

    def __init__(self, value: dict[str, Any], where: str) -> None:
        self._value = copy.deepcopy(value)
        self._where = where

    def take(self, path: str, *fallbacks: str) -> Any:
        """Remove a value from the document and return it. Raises `InputError` when no path of those given is there."""
        for name in (path, *fallbacks):
            parent, key = self._parent(name)
            if parent is not None and key in parent:
                return parent.pop(key)
        raise InputError(f"{self._where}: {path} is missing; is it a result file of peft's method comparison?")

    def take_if_there(self, path: str) -> Any:
        """Remove a value and return it, or return None where there is none."""
        parent, key = self._parent(path)
        return parent.pop(key, None) if parent is not None else None

    def look(self, path: str, default: Any = None) -> Any:
        """Return a value and leave it where it is, or return `default`."""
        parent, key = self._parent(path)
        return default if parent is None else parent.get(key, default)

    def rest(self) -> dict[str, Any]:
        """Return what was not taken. Parts that have become empty stay, as they were there."""
        return self._value

    def _parent(self, path: str) -> tuple[dict[str, Any] | None, str]:
        *steps, last = path.split(".")
        place: Any = self._value
        for step in steps:
            place = _step(place, step)
        return (place if isinstance(place, dict) else None), last


def read_object(path: Path) -> dict[str, Any]:
    """Return the JSON object in a file. Raises `InputError` naming the file where there is none."""
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from None
    except ValueError as error:
        raise InputError(f"{path}: not valid JSON: {one_line(error)}") from None
    if not isinstance(value, dict):
        raise InputError(f"{path}: must hold one object")
    return value


def put(value: dict[str, Any], path: str, item: Any) -> None:
    """Put `item` at a path of a document, making the objects on the way."""
    *steps, last = path.split(".")
    place: Any = value
    for step in steps:
        place = place[int(step)] if isinstance(place, list) else place.setdefault(step, {})
    place[last] = item


def leaves(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Yield every value that is neither an object nor a list, with its path."""
    if isinstance(value, dict):
        for key, item in value.items():
            yield from leaves(item, f"{path}.{key}" if path else key)
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from leaves(item, f"{path}.{index}")
    else:
        yield path, value


def _step(place: Any, step: str) -> Any:
    if isinstance(place, list):
        index = int(step)
        return place[index] if -len(place) <= index < len(place) else None
    return place.get(step) if isinstance(place, dict) else None
