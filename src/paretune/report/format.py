"""Values as people read them. Units come from the metric table; multiples are decimal: GB = 10^9 bytes."""

import math
from collections.abc import Callable

from paretune.analysis.decisions.phrases import number
from paretune.spec import Metric, Unit

MISSING = "–"


def show(metric: Metric, value: float | None) -> str:
    """Return a value of a metric as text with its unit, or a dash where it is missing."""
    if value is None or not math.isfinite(value):
        return MISSING if value is None else str(value)
    if metric.unit in {Unit.NATS, Unit.COSINE}:
        return f"{value:+z.3f}" if metric.name == "forgetting" else f"{value:z.3f}"
    return _SHOWN[metric.unit](value)


def span(metric: Metric, low: float, high: float, between: str = "–") -> str:
    """Return an interval of a value, short: "45%–51%" as 45–51%, cosines with two digits."""
    if metric.unit is Unit.FRACTION:
        digits = 0 if f"{low:.0%}" != f"{high:.0%}" else 1
        return f"{low:.{digits}%}{between}{high:.{digits}%}".replace("%–", "–")
    if metric.unit is Unit.POINTS:
        return f"{low:z.1f}{between}{points(high)}"
    if metric.unit in {Unit.COSINE, Unit.NATS}:
        return f"{low:.2f}{between}{high:.2f}"
    return f"{show(metric, low)}{between}{show(metric, high)}"


def percent(share: float) -> str:
    """Return a share as a percentage with one decimal."""
    return f"{share:.1%}"


def points(value: float) -> str:
    """Return percentage points with one decimal."""
    return f"{value:z.1f} points"


def standard_error(metric: Metric, error: float) -> str:
    """Return a standard error as it stands below a value: "±0.004", of points "±0.4"."""
    return f"±{error:.{1 if metric.unit is Unit.POINTS else 3}f}"


def probability(share: float | None) -> str:
    """Return a probability as whole per cent, never as certain by rounding; a dash where there is none."""
    if share is None:
        return MISSING
    return "<1%" if 0 < share < 0.005 else ">99%" if 0.995 <= share < 1 else f"{share:.0%}"


def size(num_bytes: float) -> str:
    """Return bytes in GB, MB, kB or B with three digits."""
    return _multiple(num_bytes, ((1e9, " GB"), (1e6, " MB"), (1e3, " kB")), " B")


def count(number: float) -> str:
    """Return a count with three digits: 4.88M, 38.4k, 512."""
    return _multiple(number, ((1e9, "G"), (1e6, "M"), (1e3, "k")), "")


def duration(seconds: float) -> str:
    """Return seconds with three digits, as milliseconds below one second."""
    return f"{_three_digits(seconds * 1e3)} ms" if abs(seconds) < 0.9995 else f"{_three_digits(seconds)} s"


def rounded_duration(seconds: float) -> str:
    """Return seconds, minutes or hours in words: "45 seconds", "3.5 minutes", "12 hours"."""
    unit, name = next(
        ((size, name) for size, name in ((3600, "hour"), (60, "minute")) if seconds >= size), (1, "second")
    )
    count = seconds / unit
    number = f"{count:.0f}" if count >= 9.95 else f"{count:.1f}".removesuffix(".0")
    return f"{number} {name}{'' if number == '1' else 's'}"


def rate(learning_rate: float | None) -> str:
    """Return a learning rate, or a dash where nothing is trained."""
    return MISSING if learning_rate is None else f"{learning_rate:g}"


def plain(text: str) -> str:
    """Return text from a record without line breaks or control characters, which could steer a terminal."""
    return "".join(letter if letter.isprintable() else " " for letter in text)


def _multiple(value: float, multiples: tuple[tuple[float, str], ...], unit: str) -> str:
    for factor, name in multiples:
        if abs(value) >= factor * 0.9995:  # 999,600 rounds to 1.00M, not to 1000k
            return _three_digits(value / factor) + name
    return (f"{value:.0f}" if float(value).is_integer() else _three_digits(value)) + unit


def _three_digits(value: float) -> str:
    decimals = 2 if abs(value) < 9.995 else 1 if abs(value) < 99.95 else 0
    return f"{value:.{decimals}f}"


_SHOWN: dict[Unit, Callable[[float], str]] = {
    Unit.FRACTION: percent,
    Unit.BYTES: size,
    Unit.SECONDS: duration,
    Unit.COUNT: count,
    Unit.POINTS: points,
    Unit.PLAIN: number,
}
