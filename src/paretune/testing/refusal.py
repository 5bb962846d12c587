"""What is said of what cannot be used."""

from collections.abc import Callable

from paretune.spec import InputError


def refusal(call: Callable[[], object]) -> str:
    """Return what an `InputError` says. Raises `AssertionError` when there is none."""
    try:
        call()
    except InputError as error:
        return str(error)
    raise AssertionError("what cannot be used was accepted")
