"""Amounts in words, as sentences about methods have them."""

from paretune.spec import METRICS, Unit


def gap(metric: str, amount: float) -> str:
    """Return a difference in a main metric: "3.2 points" of a share, "0.032" of a cosine."""
    return points(amount) if METRICS[metric].unit is Unit.FRACTION else f"{amount:.3f}"


def units_of(metric: str) -> str:
    """Return what a main metric is the mean over: "questions", or "drawings" where pictures are compared."""
    return "questions" if METRICS[metric].unit is Unit.FRACTION else "drawings"


def lone_value(metric: str) -> str:
    """Return that a main metric is known, but nothing that says how sure it is."""
    each = "the number of questions" if METRICS[metric].unit is Unit.FRACTION else "a value for each drawing"
    return f"{METRICS[metric].label.lower()} is known only as a single value, without {each}"


def points(share: float) -> str:
    """Return a share as points: "3.2 points"."""
    return f"{100 * share:.1f} point{'' if f'{100 * share:.1f}' == '1.0' else 's'}"


def p_text(p_value: float) -> str:
    """Return a p-value with its sign of comparison: "< 0.001" or "= 0.042"."""
    return "< 0.001" if p_value < 0.001 else f"= {p_value:.3f}" if p_value < 0.1 else f"= {p_value:.2f}"


def counted(number: int, thing: str) -> str:
    """Return a number with its noun: "1 seed", "1,200 questions"."""
    return f"{number:,} {thing}{'' if number == 1 else 's'}"


def rounded(number: int) -> int:
    """Return a number of questions or seeds with two digits, rounded up, for "about"."""
    step: int = 10 ** max(0, len(str(number)) - 2)
    return -(-number // step) * step


def more_of(more_questions: int | None, more_seeds: int | None, things: str = "questions") -> str:
    """Return "1,200 more questions or 4 more seeds of each", or an empty string where neither would do."""
    ways = []
    if more_questions:
        ways.append(f"{rounded(more_questions):,} more {things.removesuffix('s') if more_questions == 1 else things}")
    if more_seeds:
        ways.append(f"{rounded(more_seeds):,} more seed{'' if more_seeds == 1 else 's'} of each")
    return " or ".join(ways)
