"""Metrics of structured answers."""

import json
from collections.abc import Iterator
from typing import Any, ClassVar, NoReturn

from paretune.spec import Metric, Unit
from paretune.tasks.base import Example
from paretune.tasks.metrics.base import TextMetric

_MISSING = object()
_EXACT = 2**53
"""Whole numbers below it are floats too."""


class JsonFields(TextMetric):
    """Whether an answer is JSON, and how many of the reference's fields it has."""

    metrics = (
        Metric(
            name="json_fields",
            label="JSON field match",
            unit=Unit.FRACTION,
            definition="Share of the reference's fields that the answer has with the same value, those inside others "
            "counted one by one; 0 for what is no valid JSON. Mean over questions.",
        ),
        Metric(
            name="json_valid",
            label="Valid JSON",
            unit=Unit.FRACTION,
            definition="Share of answers that are valid JSON (RFC 8259) and nothing else.",
        ),
    )
    reference: ClassVar[str] = "valid JSON"

    def score(self, text: str, example: Example) -> dict[str, float]:
        """Return the share of fields, and whether it is JSON."""
        said, due = parsed(text), parsed(example.target)
        if said is _MISSING or due is _MISSING:
            return {"json_fields": 0.0, "json_valid": float(said is not _MISSING)}
        there, wanted = dict(fields(said)), dict(fields(due))
        right = sum(name in there and there[name] == value for name, value in wanted.items())
        return {"json_fields": right / len(wanted), "json_valid": 1.0}

    def takes(self, example: Example) -> bool:
        """Tell whether the reference is JSON."""
        return parsed(example.target) is not _MISSING


def parsed(text: str) -> Any:
    """Return what JSON says, or `_MISSING` for what is none. NaN and Infinity are none; nor is what nests too deep."""

    def refuse(constant: str) -> NoReturn:
        raise ValueError(constant)

    try:
        return json.loads(text, parse_constant=refuse)
    except (ValueError, RecursionError):
        return _MISSING


def fields(value: Any) -> Iterator[tuple[tuple[str | int, ...], str]]:
    """Yield where each value that holds no others stands, and its kind and value as text: 1 is 1.0 and is not true."""
    left: list[tuple[tuple[str | int, ...], Any]] = [((), value)]
    while left:  # rather than by recursion, which deep nesting would end
        path, one = left.pop()
        inside = one.items() if isinstance(one, dict) else enumerate(one) if isinstance(one, list) else ()
        if inside and one:
            left += [((*path, name), part) for name, part in inside]
            continue
        number = isinstance(one, int | float) and not isinstance(one, bool)
        yield path, repr(float(one)) if number and abs(one) < _EXACT else repr(one)
