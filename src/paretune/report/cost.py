"""What a study took, in words."""

import re
from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import Any

from paretune.analysis.table.projection import LAYER_SECONDS, UTILISATION, Card, Projection, Span
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
        f"{cost.num_trials} {trials} took {timedelta(seconds=round(cost.seconds))} (h:mm:ss), summed over trials: "
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


def projection_lines(found: Projection, model: str, card: Card | None, price: float | None = None) -> tuple[str, str]:
    """Return what a study's trials would take elsewhere as a sentence, and what that rests on as another."""
    unit, name = time_unit(found.seconds.middle)
    where = "on the same device" if card is None else f"with one {card.name.upper()}"
    on = f" on {model.rpartition('/')[2]}" if found.flops_ratio != 1 else ""
    line = f"The same plan{on} {where}: about {about(found.seconds.times(1 / unit), f' {name}')}"
    if found.tuning_seconds.middle > 0:
        line += f", {rounded(found.tuning_seconds.middle / unit)} of them tuning"
    if price is not None:
        line += f"; about {about(found.seconds.times(price / 3600))} at {price:.2f} an hour"
    return line, "; ".join(_assumptions(found, card))


def projection_json(
    found: Projection, model: str, card: Card | None, price: float | None = None
) -> dict[str, Any]:  # fmt: skip
    """Return the same as plain JSON values."""
    value: dict[str, Any] = {
        "model": model,
        "gpu": card and card.name,
        "num_trials": found.num_trials,
        "seconds": found.seconds._asdict(),
        "tuning_seconds": found.tuning_seconds._asdict(),
        "reached_flops_per_second": found.reached_flops._asdict(),
        "flops_ratio": found.flops_ratio,
        "assumptions": _assumptions(found, card),
    }
    if card is not None:
        value |= {"peak_flops_per_second": card.peak_flops, "utilisation": UTILISATION, "layer_seconds": LAYER_SECONDS}
    if price is not None:
        value |= {"price_per_hour": price, "price": found.seconds.times(price / 3600)._asdict()}
    return {"projection": value}


def _assumptions(found: Projection, card: Card | None) -> list[str]:
    said = []
    if found.flops_ratio != 1:
        said.append(
            f"a training step takes {rounded(found.flops_ratio)} times the operations of one here (6 a parameter and "
            "token, 4 where weights are frozen, and attention)"
        )
    scale, name = _flops_unit(found.reached_flops.middle)
    reached = found.reached_flops.times(1 / scale)
    said.append(
        f"steps here reached {rounded(reached.middle)} {name} (80% of steps {rounded(reached.low)} to "
        f"{rounded(reached.high)})" + (", and it would be as much there" if card is None else "")
    )
    if card is not None:
        low, high = UTILISATION
        first, last = (f"{1e3 * seconds:.1f}" for seconds in LAYER_SECONDS)
        said.append(
            f"on the card {low:.0%} to {high:.0%} of its peak, {card.peak_flops / 1e12:g} TFLOP/s in dense bfloat16, "
            f"and at least {first} to {last} ms for each layer and step, as measured on an H200 and an L40S"
        )
    said.append(
        "texts have as many tokens there; other stages that run the model scale as training does; loading takes at "
        "most as long as here for each parameter"
    )
    return said


def time_unit(seconds: float) -> tuple[float, str]:
    """Return the unit that a time is shown in: its seconds, and its name."""
    return (3600, "h") if seconds >= 5400 else (60, "min") if seconds >= 90 else (1, "s")


def _flops_unit(flops: float) -> tuple[float, str]:
    return (1e12, "TFLOP/s") if flops >= 1e12 else (1e9, "GFLOP/s") if flops >= 1e9 else (1e6, "MFLOP/s")


def about(span: Span, unit: str = "") -> str:
    """Return a span with two digits, such as "12 s (8.1 to 18)"."""
    return f"{rounded(span.middle)}{unit} ({rounded(span.low)} to {rounded(span.high)})"


def rounded(value: float) -> str:
    """Return a number with two digits."""
    return f"{float(f'{value:.2g}'):.10g}"


def parse_price(text: str) -> float:
    """Return a price per hour, such as "2.5/h". Raises `InputError` for anything else."""
    found = _PRICE.fullmatch(text)
    if found is None:
        raise InputError(f'--price: "{text}" is no price per hour; write for example 2.5/h')
    return float(found[1])


def _shares(seconds: Mapping[str, float]) -> str:
    total = sum(seconds.values()) or 1.0
    return ", ".join(f"{name} {part / total:.0%}" for name, part in seconds.items() if part / total >= _LEAST_SHARE)
