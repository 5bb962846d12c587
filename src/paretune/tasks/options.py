"""What values the options of a task may have: declared once, and checked before anything is read."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from paretune.spec import InputError, nearest

_LONGEST = 60


class Kind(NamedTuple):
    """A kind of values."""

    must: str
    """What a value must do, after "must": "be a whole number of at least 1"."""
    fits: Callable[[Any], bool]


def whole_number(least: int = 1) -> Kind:
    """Return the kind of whole numbers that are not below `least`."""
    return Kind(
        f"be a whole number of at least {least}",
        lambda value: isinstance(value, int) and not isinstance(value, bool) and value >= least,
    )


def number_between(low: float, high: float) -> Kind:
    """Return the kind of numbers between two others, which do not belong to it."""

    def fits(value: Any) -> bool:
        return isinstance(value, int | float) and not isinstance(value, bool) and low < value < high

    return Kind(f"be a number between {low:g} and {high:g}", fits)


def texts(least: int = 1) -> Kind:
    """Return the kind of lists of `least` texts or more."""

    def fits(value: Any) -> bool:
        return isinstance(value, list | tuple) and len(value) >= least and all(isinstance(one, str) for one in value)

    return Kind(f"be a list of at least {least} texts", fits)


def one_or_more_texts() -> Kind:
    """Return the kind of texts, and of lists of them."""
    listed = texts()
    return Kind("be a text or a list of texts", lambda value: TEXT.fits(value) or listed.fits(value))


def different_texts(least: int = 1) -> Kind:
    """Return the kind of lists of `least` texts or more in which none is there twice."""
    listed = texts(least)
    return Kind(
        f"{listed.must}, in which no text is there twice",
        lambda value: listed.fits(value) and len(set(value)) == len(value),
    )


def text_with(part: str, meaning: str) -> Kind:
    """Return the kind of texts that hold another one. `meaning` says what that is, after a comma."""
    return Kind(f"hold {part}, {meaning}", lambda value: isinstance(value, str) and part in value)


def one_of(*known: str) -> Kind:
    """Return the kind of certain texts."""
    return Kind(f"be {' or '.join(known)}", lambda value: value in known)


def some_of(*known: str) -> Kind:
    """Return the kind of lists of one or more of certain texts, none of them twice."""
    listed = different_texts()
    return Kind(
        f"be a list of some of {', '.join(known)}, none of them twice",
        lambda value: listed.fits(value) and set(value) <= set(known),
    )


def or_null(kind: Kind) -> Kind:
    """Return a kind of values, and null in addition."""
    return Kind(f"{kind.must}, or null", lambda value: value is None or kind.fits(value))


def or_text(kind: Kind, text: str) -> Kind:
    """Return a kind of values, and one text in addition."""
    return Kind(f'{kind.must}, or "{text}"', lambda value: value == text or kind.fits(value))


TEXT = Kind("be text", lambda value: isinstance(value, str) and value != "")
TRUTH = Kind("be true or false", lambda value: isinstance(value, bool))


def under_todays_names(task: str, given: Mapping[str, Any], earlier_names: Mapping[str, str]) -> dict[str, Any]:
    """Return options under the names that they have today. Raises `InputError` where one is given under both."""
    for earlier, today in earlier_names.items():
        if earlier in given and today in given:
            raise InputError(f'task "{task}": options {earlier} and {today} are one and the same; give {today}')
    return {earlier_names.get(name, name): value for name, value in given.items()}


def checked_options(
    task: str, given: Mapping[str, Any], defaults: Mapping[str, Any], kinds: Mapping[str, Kind]
) -> dict[str, Any]:
    """Return all options of a task. Raises `InputError`, one line, for an unknown one and for a value of another kind.

    An option that has no kind takes any value.
    """
    for name in given:
        if name not in defaults:
            raise InputError(
                f'task "{task}": unknown option "{name}"{nearest(name, defaults)}; '
                f"known options: {', '.join(defaults) or 'none'}"
            )
    options = {**defaults, **given}
    for name, kind in kinds.items():
        if not kind.fits(options[name]):
            shown = repr(options[name])
            raise InputError(
                f'task "{task}": option {name} must {kind.must}, got '
                + (shown if len(shown) <= _LONGEST else f"{shown[: _LONGEST - 3]}...")
            )
    return options
