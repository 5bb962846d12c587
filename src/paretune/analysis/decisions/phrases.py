"""Amounts in words, as sentences about methods have them."""

import math
from collections.abc import Sequence

from paretune.analysis.statistics.sample_size import MOST_TIMES
from paretune.spec import Metric, Unit

_DIGITS = 3
_MOST_DECIMALS = 6
_LARGE = 1e7


def gap(metric: Metric, amount: float) -> str:
    """Return an amount of a metric: "3.2 points" of a share, "0.032" of a cosine, "0.032 nats per token"."""
    match metric.unit:
        case Unit.FRACTION:
            return points(amount)
        case Unit.POINTS:
            return points(amount / 100)
        case Unit.NATS | Unit.SECONDS | Unit.BYTES:
            return f"{number(amount)} {metric.unit}"
        case _:
            return number(amount, cosine=metric.unit is Unit.COSINE)


def needs_no_name(metric: Metric) -> bool:
    """Tell whether "ahead by 3.2 points" says enough: of a share or a cosine of which more is better."""
    return not metric.lower_is_better and metric.unit in {Unit.FRACTION, Unit.COSINE}


def lead(metric: Metric, difference: float) -> str:
    """Return a difference of two methods in words that name the metric: "0.12 lower perplexity"."""
    return f"{gap(metric, abs(difference))} {'higher' if difference > 0 else 'lower'} {metric.words}"


def signed(metric: Metric, amount: float) -> str:
    """Return a difference with its sign and without its unit: "+3.2" points of a share, "-0.032"."""
    if metric.unit is Unit.FRACTION:
        return f"{100 * amount:+.1f}"
    return ("+" if amount >= 0 else "-") + number(abs(amount), cosine=metric.unit is Unit.COSINE)


def number(value: float, *, cosine: bool = False) -> str:
    """Return a number with three digits after the first, as "12.35" or "1,235"; a cosine with three decimals."""
    if cosine:
        return f"{value:.3f}"
    if value == 0:
        return "0"
    if abs(value) >= _LARGE or abs(value) < 10**-_MOST_DECIMALS:
        return f"{value:.{_DIGITS}g}"
    decimals = _DIGITS - math.floor(math.log10(abs(value)))
    return f"{value:,.{min(_MOST_DECIMALS, max(0, decimals))}f}"


def each_of(metric: Metric) -> str:
    """Return one of the items that a metric is the mean over, as "question"."""
    return metric.items.removesuffix("s")


def lone_value(metric: Metric) -> str:
    """Return that a main metric is known, but nothing that says how sure it is."""
    each = f"the number of {metric.items}" if metric.is_share else f"a value for each {each_of(metric)}"
    return f"{metric.words} is known only as a single value, without {each}"


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


def corrected_for(num_pairs: int, num_rows: int) -> str:
    """Return what p-values are corrected for: "45 pairs of the 10 rows"."""
    return f"{num_pairs:,} pairs of the {num_rows:,} rows"


def as_sentence(text: str) -> str:
    """Return a clause as a sentence: a capital at its start, a full stop at its end, names as they are."""
    return f"{text[0].upper()}{text[1:]}."


def beyond_practical(what: str, things: str = "questions", times_both: int | None = None) -> str:
    """Return that more questions alone, or seeds alone, would not separate two methods, and what of both would."""
    alone = f"more {things} alone or more seeds alone would not separate {what}, not even {MOST_TIMES} times as many"
    if times_both is None:
        return f"{alone}, nor would both together"
    return (
        f"{alone}. About {times_both} times as many {things} together with {times_both} times as many seeds would, in "
        "4 of 5 repeats, if the true difference is as observed"
    )


def more_of(
    more_questions: int | None, more_seeds: int | None, things: str = "questions", trained: Sequence[str] = ()
) -> str:
    """Return "1,200 more questions or 4 more seeds of each", or an empty string where neither would do.

    `trained` names those of the two methods that have seeds: "4 more seeds of oft" where it is one alone.
    """
    ways, of = [], trained[0] if len(trained) == 1 else "each"
    if more_questions:
        ways.append(f"{rounded(more_questions):,} more {things.removesuffix('s') if more_questions == 1 else things}")
    if more_seeds:
        ways.append(f"{rounded(more_seeds):,} more seed{'' if more_seeds == 1 else 's'} of {of}")
    return " or ".join(ways)
