"""A nested JSON document that is taken apart field by field, so that what nobody took is known."""

import copy
import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Self, TypeVar

from paretune.spec import InputError, one_line

T = TypeVar("T")
_KINDS: dict[type, str] = {
    str: "text", float: "a finite number", int: "a whole number", bool: "true or false", dict: "an object",
    list: "a list",
}  # fmt: skip
"""The kinds of value that can be asked for, in words."""


class Document:
    """One parsed JSON object. Paths are keys joined by dots; an index into a list is a number, -1 the last.

    What is asked for with its kind is that kind, or `InputError` names the file and the place. A `float` is finite
    and may be written as a whole number.
    """

    def __init__(self, value: dict[str, Any], where: str) -> None:
        self._value = copy.deepcopy(value)
        self._where = where
        self._prefix = ""

    @property
    def where(self) -> str:
        """The file, and the place in it where this is a part of a document."""
        return f"{self._where}: {self._prefix[:-1]}" if self._prefix else self._where

    def part(self, path: str) -> Self:
        """Return the object at a path as a document: what is taken from one is gone from both."""
        part = copy.copy(self)
        place: Any = self._value
        for step in path.split("."):
            place = _step(place, step)
        part._value, part._prefix = self._checked(dict, place, path), f"{self._prefix}{path}."
        return part

    def take(self, path: str, *fallbacks: str) -> Any:
        """Remove a value from the document and return it. Raises `InputError` when no path of those given is there."""
        parent, key = self._parent(self._first(path, *fallbacks))
        assert parent is not None
        return parent.pop(key)

    def take_a(self, kind: type[T], path: str, *fallbacks: str) -> T:
        """Remove a value of a kind and return it."""
        name = self._first(path, *fallbacks)
        return self._checked(kind, self.take(name), name)

    def take_nullable(self, kind: type[T], path: str, *fallbacks: str) -> T | None:
        """Remove a value and return it: it must be there, and may be null."""
        name = self._first(path, *fallbacks)
        value = self.take(name)
        return None if value is None else self._checked(kind, value, name)

    def take_if_there(self, path: str) -> Any:
        """Remove a value and return it, or return None where there is none."""
        parent, key = self._parent(path)
        return parent.pop(key, None) if parent is not None else None

    def take_optional(self, kind: type[T], path: str) -> T | None:
        """Remove a value of a kind and return it, or return None where there is none."""
        value = self.take_if_there(path)
        return None if value is None else self._checked(kind, value, path)

    def look(self, path: str, default: Any = None) -> Any:
        """Return a value and leave it where it is, or return `default`."""
        parent, key = self._parent(path)
        return default if parent is None else parent.get(key, default)

    def look_a(self, kind: type[T], path: str) -> T:
        """Return a value of a kind and leave it where it is."""
        return self._checked(kind, self.look(self._first(path)), path)

    def look_optional(self, kind: type[T], path: str) -> T | None:
        """Return a value of a kind and leave it where it is, or return None where there is none."""
        value = self.look(path)
        return None if value is None else self._checked(kind, value, path)

    def rest(self) -> dict[str, Any]:
        """Return what was not taken. Parts that have become empty stay, as they were there."""
        return self._value

    def fault(self, path: str, what: str) -> InputError:
        """Return the error that says what is wrong at a path."""
        return InputError(f"{self._where}: {self._prefix}{path} {what}")

    def _first(self, *paths: str) -> str:
        """Return the first path that is there."""
        for path in paths:
            parent, key = self._parent(path)
            if parent is not None and key in parent:
                return path
        raise self.fault(paths[0], "is missing; in a file of peft's method comparison it is there")

    def _checked(self, kind: type[T], value: Any, path: str) -> T:
        kinds = (int, float) if kind is float else (kind,)
        right = isinstance(value, kinds) and (kind is bool or not isinstance(value, bool))
        if not right or (kind is float and not math.isfinite(value)):
            raise self.fault(path, f"must be {_KINDS[kind]}, not {json.dumps(value)[:60]}")
        return value  # type: ignore[no-any-return]

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


def leaves(value: Any, path: str = "", *, whole_lists: bool = False) -> Iterator[tuple[str, Any]]:
    """Yield every value that is neither an object nor, unless they stay whole, a list, with its path."""
    if isinstance(value, dict):
        for key, item in value.items():
            yield from leaves(item, f"{path}.{key}" if path else key, whole_lists=whole_lists)
    elif isinstance(value, list) and not whole_lists:
        for index, item in enumerate(value):
            yield from leaves(item, f"{path}.{index}")
    else:
        yield path, value


def _step(place: Any, step: str) -> Any:
    if isinstance(place, list):
        index = int(step) if step.removeprefix("-").isdigit() else len(place)
        return place[index] if -len(place) <= index < len(place) else None
    return place.get(step) if isinstance(place, dict) else None
