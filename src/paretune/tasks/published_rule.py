"""The rule by which peft's method comparison judges an answer to GSM8K, as it is, mistakes included.

Kept so that a study of ours can be compared with the published values. Our own reading is `final_answer`, and
`tests/tasks/test_final_answer.py` lists where the two differ and why.
"""

from decimal import Decimal, InvalidOperation

_DELIMITERS = ("The answer is: ", "The answer is ", "The final answer is: ", "The final answer is ", "#### ")
"""The first of these that stands anywhere in a text counts, at its last place."""


def right_by_published_rule(text: str, reference: str) -> bool:
    """Tell whether their rule counts a text as right. `text` is prompt and answer; `reference` the part after `####`.

    Never raises.
    """
    said = _said(text)
    return said is not None and _comparable(said) == _comparable(reference.strip(" .!?$%"))


def _said(text: str) -> str | None:
    """Return what stands between the delimiter and the end of its line, or None where there is no delimiter."""
    text = text.strip().rstrip(".!?")
    for delimiter in _DELIMITERS:
        if delimiter in text:
            return text.rpartition(delimiter)[2].strip().split("\n", 1)[0].strip(" .!?$%")
    return None


def _comparable(said: str) -> float | str:
    """Return a number as a float and anything else as it stands: "1,000" is text to them, and not equal to "1000"."""
    parts = said.strip().split("/")
    try:
        match parts:
            case [number]:
                return float(Decimal(number))
            case [over, under] if Decimal(under.strip()) != 0:
                return float(Decimal(over.strip()) / Decimal(under.strip()))
    except (InvalidOperation, OverflowError, ValueError):
        pass
    return said
