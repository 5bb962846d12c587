"""Labels as data has them: told apart from several labels and from numbers, and read."""

import json
import math
from collections.abc import Iterable
from typing import Any

from paretune.tasks.label_scoring import Label, Problem

MOST_WHOLE_NUMBERS = 20
"""More different whole numbers than these are taken for quantities, fewer for the names of classes."""


def guessed_problem(labels: Iterable[str], separator: str | None) -> Problem:
    """Return what different labels look like.

    Lists, and any labels where a separator is named, are several labels. Numbers are quantities where one of them is
    not whole, or where more than 20 differ. All else is one label of several.
    """
    different = set(labels)
    if separator is not None or any(listed(label) is not None for label in different):
        return "several_labels"
    numbers = [number_in(label) for label in different]
    found = [number for number in numbers if number is not None]
    if len(found) < len(numbers):
        return "single_label"
    whole = all(number.is_integer() for number in found)
    return "single_label" if whole and len(found) <= MOST_WHOLE_NUMBERS else "regression"


def read_label(text: str, problem: Problem, separator: str | None) -> Label:
    """Return a label as its problem has it. Raises `ValueError` for a number that is none."""
    if problem == "several_labels":
        parts = listed(text)
        parts = parts if parts is not None else text.split(separator) if separator is not None else [text]
        return tuple(sorted({stripped for part in parts if (stripped := part.strip())}))
    if problem == "regression":
        number = number_in(text)
        if number is None:
            raise ValueError(f'"{text}" is no number')
        return number
    return text


def listed(text: str) -> list[str] | None:
    """Return the labels of a JSON list, or None for what is none."""
    if not (text.startswith("[") and text.endswith("]")):
        return None
    try:
        value: Any = json.loads(text)
    except json.JSONDecodeError:
        return None
    return [str(one) for one in value] if not any(isinstance(one, list | dict) for one in value) else None


def number_in(text: str) -> float | None:
    """Return the finite number that a text is, or None."""
    try:
        number = float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def in_order(labels: Iterable[str]) -> tuple[str, ...]:
    """Return different labels in an order that does not depend on the rows: by number where all are, else by text."""
    different = sorted(set(labels))
    numbers = {label: number_in(label) for label in different}
    if all(number is not None for number in numbers.values()):
        return tuple(sorted(different, key=lambda label: (numbers[label], label)))
    return tuple(different)
