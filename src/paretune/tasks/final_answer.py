"""Where a chain of thought ends in a final answer, and which number that is.

    ... so she has 9 * 2 = 18 dollars.
    #### 18
    The answer is: $18.

The last mark counts, `####` or "the answer is", in what was written before another question begins.
"""

import re
from fractions import Fraction

_NEXT_QUESTION = re.compile(r"^\s*Question:", re.MULTILINE)
_MARK = re.compile(r"####|\bthe (?:final )?answer is\b:?", re.IGNORECASE)
_DIGITS = r"(?:\d{1,3}(?:,\d{3})+|\d{1,3}(?:\.\d{3}){2,}(?!\d)|\d+)(?:\.\d+)?|\.\d+"
_DOTTED = re.compile(r"[-+]?\d{1,3}(?:\.\d{3}){2,}")
CONSTANT = re.compile(r"\s*(?:\\(?:pi|phi)(?![a-zA-Z])|[πφ])")
"""What makes another number of the one before it: twice pi is not 2."""
_MOST_DIGITS = 1000
"""No answer has more; Python refuses to read more than 4,300."""
_NUMBER = re.compile(
    rf"(?:(?P<sign>-)\s*)?(?:\$\s*)?(?P<minus>-)?(?:(?P<whole>\d+)\s+(?P<part>\d+)\s*/\s*(?P<parts>\d+)"
    rf"|(?P<numerator>{_DIGITS})\s*/\s*(?P<denominator>{_DIGITS})"
    rf"|(?P<plain>{_DIGITS})(?P<exponent>[eE][+-]?\d{{1,3}})?)"
)
_FRACTION = re.compile(r"\\[dt]?frac\s*\{\s*(-?[\d.,]+)\s*\}\s*\{\s*(-?[\d.,]+)\s*\}")
_WRAPPED = re.compile(r"\\(?:boxed|text|mathrm|mathbf|textbf)\s*\{([^{}]*)\}")


def final_answer(text: str) -> Fraction | None:
    """Return the number given as the final answer, or None: no mark, no number after it, or several different ones."""
    written = _NEXT_QUESTION.split(text, maxsplit=1)[0]
    marks = list(_MARK.finditer(written))
    if not marks:
        return None
    line = written[marks[-1].end() :].strip().split("\n", 1)[0]
    return number_in(line)


def number_in(line: str) -> Fraction | None:
    """Return the one number in a short text, written in any usual form. Only what follows an equals sign counts.

    Thousands may be grouped by commas or, from a million on, by dots. Signs of currency, percent and emphasis, units
    and LaTeX are skipped.
    """
    plain = line.replace("−", "-").replace("–", "-").replace("*", "").replace("`", "")
    plain = plain.replace("\\$", "$").replace("\\%", "%").replace("\\,", "").replace("\\!", "")
    plain = _FRACTION.sub(r" \1/\2 ", plain)
    while (simpler := _WRAPPED.sub(r" \1 ", plain)) != plain:
        plain = _FRACTION.sub(r" \1/\2 ", simpler)
    values = {value for value in map(_value, _NUMBER.finditer(plain.rpartition("=")[2])) if value is not None}
    return values.pop() if len(values) == 1 else None


def same_number(one: Fraction, other: Fraction) -> bool:
    """Tell whether two numbers are the same as floating-point numbers: 1/3 and 0.3333333333333333 are."""
    try:
        return one == other or float(one) == float(other)
    except OverflowError:  # at least one is too large for a floating-point number: only equal numbers are the same
        return False


def _value(found: re.Match[str]) -> Fraction | None:
    """Return the number of a match; None where it is part of a word or cannot be a number."""
    before, after = found.string[: found.start()], found.string[found.end() :]
    if before[-1:].isalnum() or before.endswith("_") or after.startswith("_") or CONSTANT.match(after):
        return None
    if len(found.group()) > _MOST_DIGITS:
        return None
    if found["plain"] is not None:
        value = Fraction(ungrouped(found["plain"]) + (found["exponent"] or ""))
    else:
        over, under = found["numerator"] or found["part"], found["denominator"] or found["parts"]
        if Fraction(ungrouped(under)) == 0:
            return None
        value = Fraction(ungrouped(over)) / Fraction(ungrouped(under)) + int(found["whole"] or 0)
    # "3-5" holds no minus: a sign follows nothing that it could be subtracted from.
    signed = (found["sign"] and not before.rstrip()[-1:].isdigit()) or found["minus"]
    return -value if signed else value


def ungrouped(digits: str) -> str:
    """Return digits without what groups them: commas, or dots where there are several, as in 1.000.000."""
    return digits.replace(".", "") if _DOTTED.fullmatch(digits) else digits.replace(",", "")
