"""What a study took, in words."""

import re
from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import Any

from paretune.analysis.table.study_cost import StudyCost, study_cost
from paretune.spec import InputError, Record

_LEAST_SHARE = 0.01
_PRICE = re.compile(r"\s*(\d+(?:\.\d+)?)\s*/\s*h\s*")


def cost_line(records: Iterable[Record], price: float | None = None) -> str | None:
    """Return what the trials of a study took, and at a price per hour what that cost; None where it is not known."""
    cost = study_cost(records)
    if cost is None:
        return None
    trials = "trial" if cost.num_trials == 1 else "trials"
    line = (
        f"{cost.num_trials} {trials} took {timedelta(seconds=round(cost.seconds))} (h:mm:ss) in total: "
        f"{_shares(cost.by_purpose)}"
    )
    if len(cost.by_stage) > 1:
        line += f"; {_shares(cost.by_stage)}"
    return line if price is None else f"{line}. At {price:g} per hour: {money(cost, price):.2f}"


def cost_json(records: Iterable[Record], price: float | None = None) -> dict[str, Any]:
    """Return the same as plain JSON values; empty where it is not known."""
    cost = study_cost(records)
    if cost is None:
        return {}
    priced = {} if price is None else {"price_per_hour": price, "price": money(cost, price)}
    return {"cost": cost._asdict() | priced}


def money(cost: StudyCost, price: float) -> float:
    """Return what the trials' time costs at a price per hour."""
    return cost.seconds / 3600 * price


def parse_price(text: str) -> float:
    """Return a price per hour, such as "2.5/h". Raises `InputError` for anything else."""
    found = _PRICE.fullmatch(text)
    if found is None:
        raise InputError(f'--price: "{text}" is no price per hour; write for example 2.5/h')
    return float(found[1])


def _shares(seconds: Mapping[str, float]) -> str:
    total = sum(seconds.values()) or 1.0
    return ", ".join(f"{name} {part / total:.0%}" for name, part in seconds.items() if part / total >= _LEAST_SHARE)
