"""What a person asks of a method, and which of it a method does not meet."""

import math
import re
from collections.abc import Mapping, Sequence
from typing import Literal

from paretune.analysis.decisions.quantities import parse_amount
from paretune.analysis.table.rows import Row
from paretune.spec import CLAIMS, METRICS, InputError, Metric, Phase, nearest
from paretune.spec.base import Data, later

Capabilities = Mapping[str, Mapping[str, bool | None]]
"""For each method's label, whether it has a capability: True, False, or None where nobody has looked."""
_OF_TRAINING = {Phase.PREPARE, Phase.MEASURE, Phase.TRAIN, Phase.SAVE}
_LIMIT = re.compile(r"\s*(\w+)\s*(<=|>=|≤|≥)\s*(.+)")


class Limit(Data):
    """A bound on a metric, in its base unit, that a method may reach but not cross."""

    metric: str
    bound: Literal["at most", "at least"]
    value: float

    def meets(self, value: float) -> bool:
        """Tell whether a value keeps within the limit."""
        return value <= self.value if self.bound == "at most" else value >= self.value


class Reason(Data):
    """Why a method was ruled out: one requirement that it does not meet."""

    kind: Literal[
        "limit", "not measured", "capability", "capability unknown", "did not end", "does not train", "not above base"
    ]
    requirement: str
    """The metric, the capability, the outcome, or the uncertainty of the main metric."""
    value: float | None = None
    """The method's value, where there is one."""
    limit: Limit | None = None
    baseline: str = later("the base model")
    """What a value "not above base" is not better than, as in a sentence; `limit` holds its value."""


def parse_limit(text: str, where: str, table: Mapping[str, Metric] = METRICS) -> Limit:
    """Return a limit written as "train_peak_bytes<=24GB" or "accuracy>=50%", on a metric of the table.

    Raises `InputError`, opening with `where`, when it cannot be read.
    """
    match = _LIMIT.fullmatch(text)
    if match is None:
        raise InputError(f'{where}: "{text}" is not a limit; write for example "train_peak_bytes<=24GB"')
    metric = table[known_metric(match[1], where, table)]
    bound: Literal["at most", "at least"] = "at most" if match[2] in {"<=", "≤"} else "at least"
    return Limit(metric=metric.name, bound=bound, value=parse_amount(metric, match[3], where))


def known_metric(name: str, where: str, table: Mapping[str, Metric] = METRICS) -> str:
    """Return the name of a metric of the table. Raises `InputError`, opening with `where`, for an unknown one."""
    if name not in table:
        raise InputError(f'{where}: no metric "{name}"{nearest(name, table)}; there are: {", ".join(table)}')
    return name


def check_capabilities(names: Sequence[str], where: str) -> None:
    """Raise `InputError`, opening with `where`, for a capability that no audit looks at."""
    for name in names:
        if name not in CLAIMS:
            known = nearest(name, CLAIMS) or f"; there are: {', '.join(CLAIMS)}"
            raise InputError(f'{where}: unknown capability "{name}"{known}')


def unmet(row: Row, limits: Sequence[Limit], wanted: Sequence[str], known: Capabilities) -> list[Reason]:
    """Return every requirement that a row does not meet, in the order given; none where it meets all.

    A value that was not measured meets no limit, and a capability that nobody has looked at counts as missing.
    """
    if row.outcome.kind != "ok":
        return [Reason(kind="did not end", requirement=row.outcome.kind)]
    found = []
    trains = row.records[0].trial.method.trains
    for limit in limits:
        value = row.metrics.get(limit.metric)
        if value is None and not trains and row.task_spec.table[limit.metric].phase in _OF_TRAINING:
            found.append(Reason(kind="does not train", requirement="training", limit=limit))
        elif value is None or math.isnan(value):
            found.append(Reason(kind="not measured", requirement=limit.metric, limit=limit))
        elif not limit.meets(value):
            found.append(Reason(kind="limit", requirement=limit.metric, value=value, limit=limit))
    for capability in wanted:
        if not trains:
            found.append(Reason(kind="does not train", requirement="training"))
            break
        has = known.get(row.method, {}).get(capability)
        if has is not True:
            found.append(Reason(kind="capability unknown" if has is None else "capability", requirement=capability))
    return found
