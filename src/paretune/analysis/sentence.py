"""A comparison in a sentence that a person can use."""

from typing import TYPE_CHECKING

from paretune.spec import METRICS, Unit

if TYPE_CHECKING:
    from paretune.analysis.comparison import Comparison


def comparison_sentence(comparison: "Comparison") -> str:
    """Return what the comparison says, in one to three sentences."""
    first, second = comparison.first.name, comparison.second.name
    apart = gap(comparison.metric, abs(comparison.difference))
    low, high = comparison.interval
    interval = f"95% interval {_signed(comparison.metric, low)} to {_signed(comparison.metric, high)}"
    pairs = comparison.num_comparisons
    corrected = f"p {p_text(comparison.p_value_adjusted)}" + (f", corrected for {pairs:,} pairs" if pairs > 1 else "")
    if comparison.verdict in {"ahead", "behind"}:
        side = "ahead of" if comparison.verdict == "ahead" else "behind"
        return (
            f"{first} is {side} {second} in these runs by {apart} ({interval}; {corrected}); "
            f"{comparison.no_claim_because}, so no claim."
        )
    if comparison.verdict != "undecided":
        return f"{first} is {comparison.verdict} than {second} by {apart} ({interval}; {corrected})."
    side = "ahead of" if comparison.difference > 0 else "behind" if comparison.difference < 0 else "level with"
    seen = f"{first} is {apart} {side} {second}" if comparison.difference else f"{first} equals {second}"
    if comparison.p_value < 0.05:
        reason = f"the difference is significant only without the correction (p {p_text(comparison.p_value)})"
        head = f"The data cannot tell: {seen} ({interval}), and {reason} ({corrected})."
    else:
        head = f"The data cannot tell: {seen} ({interval}; {corrected})."
    these = "In these runs the" if comparison.no_claim_because else "The"
    equal = (
        f"{these} two are equally good within {gap(comparison.metric, comparison.within)}, with a confidence of 95%."
    )
    return f"{head} {_more(comparison)} {equal}"


def gap(metric: str, amount: float) -> str:
    """Return a difference in a main metric: "3.2 points" of a share, "0.032" of a cosine."""
    return points(amount) if METRICS[metric].unit is Unit.FRACTION else f"{amount:.3f}"


def units_of(metric: str) -> str:
    """Return what a main metric is the mean over: "questions", or "drawings" where pictures are compared."""
    return "questions" if METRICS[metric].unit is Unit.FRACTION else "drawings"


def lone_figure(metric: str) -> str:
    """Return that a main metric is known, but nothing that says how sure it is."""
    each = "the number of questions" if METRICS[metric].unit is Unit.FRACTION else "a value for each drawing"
    return f"{METRICS[metric].label.lower()} is known only as a single value, without {each}"


def _signed(metric: str, amount: float) -> str:
    return f"{100 * amount:+.1f}" if METRICS[metric].unit is Unit.FRACTION else f"{amount:+.3f}"


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


def _more(comparison: "Comparison") -> str:
    ways = more_of(comparison.more_questions, comparison.more_seeds, units_of(comparison.metric))
    if ways:
        return f"About {ways} would suffice if the true difference is as observed."
    if not comparison.paired:
        return "Per-question answers would give a sharper test."
    return "No practical number of questions or seeds alone would suffice."
