"""The differences to a baseline, for the page's forest plot."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from paretune.analysis import Answers, Row
from paretune.analysis.decisions.differences import Differences, differences_of
from paretune.analysis.decisions.rules import MOST_ROWS
from paretune.analysis.table.comparison_set import make_comparison_set
from paretune.analysis.table.floor import is_baseline
from paretune.report.html.facets import card_of
from paretune.report.html.page_table import view_key

REFERENCE = "lora"
"""The method that most papers compare theirs with."""


class Judged(NamedTuple):
    """One folder's rows, and the answers behind them."""

    rows: Sequence[Row]
    answers: Answers


def differences_data(rows: Sequence[Row], sources: Sequence[Judged]) -> dict[str, Any]:
    """Return the differences of each task and split by key. `rows` come best first; they are named by their place."""
    number = {row.trial_ids: place for place, row in enumerate(rows)}
    found: dict[str, Any] = {}
    for source in sources:
        for key in dict.fromkeys((row.task, row.split) for row in source.rows):
            inside = [row for row in source.rows if (row.task, row.split) == key]
            compared = make_comparison_set(inside, source.answers) if len(inside) <= MOST_ROWS else None
            if compared is None or len(compared.rows) < 2:
                continue
            preferred = usual_baselines(sorted(inside, key=lambda row: number[row.trial_ids]))
            differences = differences_of(compared, preferred)
            if len(differences.rows) > 1:
                found[view_key(*key)] = _view(differences, number)
    return found


def usual_baselines(rows: Sequence[Row]) -> list[Row]:
    """Return the rows of one task, best first, in the order in which they serve as a baseline.

    LoRA by its name, then any row of peft's type of it, then the base model, then the others.
    """

    def order(row: Row) -> int:
        method = row.records[0].trial.method
        if REFERENCE in {method.name.lower(), row.method.lower()}:
            return 0
        card = card_of(method)
        return 1 if card is not None and card.name == REFERENCE else 2 if is_baseline(row) else 3

    return sorted(rows, key=order)


def _view(found: Differences, number: dict[tuple[str, ...], int]) -> dict[str, Any]:
    return {
        "rows": [number[row.trial_ids] for row in found.rows],
        "apart": [[[_short(end) for end in one] for one in apart] for apart in found.apart],
        "paired": found.paired,
        "num_pairs": found.num_pairs,
    }


def _short(value: float) -> float:
    return float(f"{value:.6g}")
