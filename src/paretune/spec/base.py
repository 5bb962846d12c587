"""The frozen model that every piece of data here is made of, and its canonical JSON."""

import hashlib
import json
from collections.abc import Iterator
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from paretune.spec.errors import InputError, nearest


class Data(BaseModel):
    """An immutable record of data. Unknown keys are refused; NaN and infinity survive JSON as strings."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        ser_json_inf_nan="strings",
        use_attribute_docstrings=True,
        validate_default=True,
    )

    @classmethod
    def read(cls, value: object, where: str) -> Self:
        """Validate a plain value. Raises `InputError` whose message begins with `where`, a file for example."""
        try:
            return cls.model_validate(value)
        except ValidationError as error:
            raise InputError(f"{where}: {explain(error, cls)}") from None

    def canonical_json(self, exclude: Any = None) -> str:
        """Return this data as JSON with sorted keys, no spaces and every field present: equal data, equal text.

        `exclude` names fields that are left out, as in pydantic's `model_dump`.
        """
        value = self.model_dump(mode="json", exclude=exclude)
        return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def later(default: Any, **constraints: Any) -> Any:
    """Return a field that came into being after records had been made.

    At its default it is left out of JSON, so that the ids of earlier trials stay what they were.
    """
    return Field(default=default, exclude_if=lambda value: value == default, **constraints)


def content_hash(text: str, digits: int = 16) -> str:
    """Return the first `digits` hexadecimal digits of the SHA-256 of `text` in UTF-8."""
    return hashlib.sha256(text.encode()).hexdigest()[:digits]


def explain(error: ValidationError, model: type[BaseModel]) -> str:
    """Return the first problem of a validation error as one line that names the field and how to mend it."""
    first = error.errors()[0]
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
