"""Amounts as people write them: 24GB, 50MB, 1.5s, 30%, 5M."""

import re

from paretune.spec import InputError, Metric, Unit

_MULTIPLES: dict[Unit, dict[str, float]] = {
    Unit.BYTES: {
        "b": 1.0, "kb": 1e3, "mb": 1e6, "gb": 1e9, "tb": 1e12,
        "kib": 2.0**10, "mib": 2.0**20, "gib": 2.0**30, "tib": 2.0**40,
    },
    Unit.SECONDS: {"": 1.0, "ms": 1e-3, "s": 1.0, "min": 60.0, "h": 3600.0},
    Unit.FRACTION: {"": 1.0, "%": 0.01},
    Unit.COUNT: {"": 1.0, "k": 1e3, "m": 1e6, "g": 1e9, "b": 1e9},
    Unit.NATS: {"": 1.0},
    Unit.COSINE: {"": 1.0},
    Unit.POINTS: {"": 1.0, "point": 1.0, "points": 1.0},
    Unit.PLAIN: {"": 1.0},
}  # fmt: skip
_EXAMPLES = {
    Unit.BYTES: "24GB, 50MB or 16GiB",
    Unit.SECONDS: "1.5s or 300ms",
    Unit.FRACTION: "0.5 or 50%",
    Unit.COUNT: "5M or 300k",
    Unit.NATS: "0.05",
    Unit.COSINE: "0.7",
    Unit.POINTS: "2",
    Unit.PLAIN: "12.5",
}
_AMOUNT = re.compile(r"([+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?)\s*([a-z%]*)", re.IGNORECASE)


def parse_amount(metric: Metric, text: str, where: str) -> float:
    """Return an amount of a metric in its base unit. Case does not matter: GB is 10^9 bytes, GiB is 2^30.

    Raises `InputError`, opening with `where`, when the text is not an amount or its unit does not fit the metric.
    """
    unit = metric.unit
    match = _AMOUNT.fullmatch(text.strip())
    factor = _MULTIPLES[unit].get(match[2].lower()) if match else None
    if match is not None and not match[2] and unit is Unit.BYTES:
        raise InputError(f'{where}: "{text}" has no unit; write {_EXAMPLES[unit]}')
    if match is None or factor is None:
        raise InputError(f'{where}: "{text}" is not an amount of {metric.words}; write {_EXAMPLES[unit]}')
    amount = float(match[1]) * factor
    if unit is Unit.FRACTION and not 0 <= amount <= 1:
        raise InputError(f'{where}: "{text}" is not a share; write {_EXAMPLES[unit]}')
    return amount
