"""The frozen model that every piece of data here is made of, and its canonical JSON."""

import hashlib
import json
import typing
from collections.abc import Iterable, Iterator
from functools import cache
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from pydantic_core import ErrorDetails

from paretune.spec.errors import InputErrors, nearest
from paretune.spec.shown import Brief

LARGEST_COUNT = 1_000_000_000
"""More than anybody counts: steps, tokens, examples. Beyond it lie slips of the keyboard, and overflows."""
LARGEST_SEED = 2**63 - 1
"""The largest seed that every random generator takes."""


class Data(BaseModel):
    """An immutable record of data. Unknown keys are refused; NaN and infinity survive JSON as strings."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        ser_json_inf_nan="strings",
        use_attribute_docstrings=True,
        validate_default=True,
    )

    @model_validator(mode="before")
    @classmethod
    def _no_truth_for_a_number(cls, value: Any) -> Any:
        """Refuse true and false where a number is due: pydantic would read 1 and 0."""
        for name in sorted(_numbers(cls) & value.keys()) if isinstance(value, dict) else ():
            given = value[name] if isinstance(value[name], list | tuple) else (value[name],)
            if any(isinstance(one, bool) for one in given):
                raise ValueError(f"{name} must be a number, not true or false")
        return value

    def __repr_args__(self) -> Iterable[tuple[str | None, Any]]:
        """Yield what the repr shows: fields that differ from their defaults, in short. `model_dump` has all of it."""
        for name, value in super().__repr_args__():
            field = type(self).model_fields.get(name or "")
            if field is None or field.is_required() or value != field.get_default(call_default_factory=True):
                yield name, Brief(value)

    @classmethod
    def read(cls, value: object, where: str) -> Self:
        """Validate a plain value. Raises `InputError` with all its problems; each begins with `where`, as a file."""
        try:
            return cls.model_validate(value)
        except ValidationError as error:
            raise InputErrors(f"{where}: {problem}" for problem in explain(error, cls)) from None

    def canonical_json(self, exclude: Any = None) -> str:
        """Return this data as JSON with sorted keys, no spaces and every field present: equal data, equal text.

        `exclude` names fields that are left out, as in pydantic's `model_dump`.
        """
        return canonical(self.model_dump(mode="json", exclude=exclude))


def later(default: Any, **constraints: Any) -> Any:
    """Return a field that came into being after records had been made.

    At its default it is left out of JSON, so that the ids of earlier trials stay what they were.
    """
    return Field(default=default, exclude_if=lambda value: value == default, **constraints)


def canonical(value: Any) -> str:
    """Return a plain value as JSON with sorted keys and no spaces."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def content_hash(text: str, digits: int = 16) -> str:
    """Return the first `digits` hexadecimal digits of the SHA-256 of `text` in UTF-8."""
    return hashlib.sha256(text.encode()).hexdigest()[:digits]


@cache
def _numbers(model: type[BaseModel]) -> frozenset[str]:
    """Return the fields that hold numbers and no truth values."""
    kinds = {name: _types_in(field.annotation) for name, field in model.model_fields.items()}
    return frozenset(name for name, types in kinds.items() if types & {int, float} and not types & {bool, Any, dict})


def _types_in(annotation: Any) -> set[Any]:
    """Return the types that a type annotation is made of."""
    own = typing.get_origin(annotation) or annotation
    inner = (_types_in(part) for part in typing.get_args(annotation))
    return ({own} if own is Any or isinstance(own, type) else set[Any]()).union(*inner)


_DEPTH_OF_A_FIELD = 3
"""What lies deeper in a study, such as the alternatives of a value, makes one problem."""


def explain(error: ValidationError, model: type[BaseModel]) -> list[str]:
    """Return the problems of a validation error, one line each, which names the field and how to mend it."""
    details = error.errors()
    fields: dict[tuple[int | str, ...], ErrorDetails] = {}
    for detail in details:
        place = detail["loc"]
        if not any(len(other["loc"]) > len(place) and other["loc"][: len(place)] == place for other in details):
            fields.setdefault(place[:_DEPTH_OF_A_FIELD], detail)
    return [_explained(detail, model) for detail in fields.values()]


def _explained(first: ErrorDetails, model: type[BaseModel]) -> str:
    path = [part for part in first["loc"] if isinstance(part, int) or not part.startswith("function-")]
    place = _place(path)
    match first["type"]:
        case "extra_forbidden":
            known = sorted(_known_keys(model, path))
            key = str(path[-1])
            return f'unknown key "{place}"{nearest(key, known)}; known keys here: {", ".join(known)}'
        case "missing":
            return f'"{place}" is missing'
        case "value_error":
            reason = first["msg"].removeprefix("Value error, ")
            return f"{place}: {reason}" if place else reason
        case _:
            shown = repr(first["input"])
            return f'"{place}": {first["msg"]}, got {shown if len(shown) <= 60 else shown[:57] + "..."}'


def _place(path: list[int | str]) -> str:
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else str(part)
    return text


def _known_keys(model: type[BaseModel], path: list[int | str]) -> Iterator[str]:
    """Yield the field names of the model in which the last element of `path` was not expected."""
    current: type[BaseModel] | None = model
    for part in path[:-1]:
        if isinstance(part, str) and current is not None and part in current.model_fields:
            current = _model_inside(current.model_fields[part].annotation) or current
    yield from current.model_fields if current else ()


def _model_inside(annotation: Any) -> type[BaseModel] | None:
    """Return the first pydantic model named in a type annotation such as `tuple[Entry, ...]`."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    for argument in getattr(annotation, "__args__", ()):
        if (found := _model_inside(argument)) is not None:
            return found
    return None
