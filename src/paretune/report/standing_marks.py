"""The marks of a row's standing: tied for best, on the front, and how probable that is."""

from collections.abc import Iterable

from paretune.analysis import Row
from paretune.report.format import probability

FRONT_MARK = "◆"
NEAR_MARK = "◇"
TIED_MARK = "≈"
_NEAR_FRONT = 0.05
"""The least probability of lying on the front that is shown for a row that does not lie on it as measured."""


def front_rule(items: str, baselines: Iterable[str], *, left_out: bool) -> str:
    """Return what the marks of the front say, as it stands behind them. Main metrics are means over `items`.

    `left_out` says whether a note below names rows that were left out of the front.
    """
    floor = " and ".join(f"that of {name}" for name in baselines)
    return (
        f"%: probability of being on it with new {items} and seeds; without a mark a row is not on it, and its "
        f"probability is below {_NEAR_FRONT:.0%}{', unless it is named below as left out' if left_out else ''}. "
        "The cheapest is on it however low its main metric" + (f", if that is better than {floor}" if floor else "")
    )


def is_tied(row: Row) -> bool:
    """Tell whether the data cannot tell the row from the best one."""
    return row.standing is not None and row.standing.tied_for_best


def front_mark(row: Row, cost: str, between: str = "") -> str:
    """Return the mark of the front of accuracy and a cost with its probability: "◆87%", or nothing where it is remote.

    A row whose probability is not known has the mark alone.
    """
    share = row.standing.front_probabilities.get(cost) if row.standing else None
    if cost in row.fronts:
        return FRONT_MARK + ("" if share is None else f"{between}{probability(share)}")
    return f"{NEAR_MARK}{between}{probability(share)}" if share is not None and share >= _NEAR_FRONT else ""
