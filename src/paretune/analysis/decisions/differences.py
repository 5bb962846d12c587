"""The differences of every row of a task to those that a reader may compare it with."""

from collections.abc import Sequence
from typing import NamedTuple

from paretune.analysis.decisions.compare import row_difference
from paretune.analysis.table.comparison_set import ComparisonSet
from paretune.analysis.table.rows import Row

MOST_PAIRS = 2_000
"""Of one task and split: all pairs of 63 rows."""


class Apart(NamedTuple):
    """How much higher the main metric of one row is than that of another, as `Comparison` has it."""

    value: float
    low: float
    """The ends of the 95 % interval of this pair by itself."""
    high: float


class Differences(NamedTuple):
    """Differences of the rows of one task and split."""

    rows: tuple[Row, ...]
    """Those that can be compared; the baselines come first."""
    num_baselines: int
    apart: list[list[Apart]]
    """For each baseline, each row behind it less the baseline. Of an earlier row the difference has the other sign."""
    paired: bool
    """Whether the answers of all rows are known, so that every difference is paired."""
    num_pairs: int
    """Pairs of rows that p-values are adjusted for."""


def differences_of(compared: ComparisonSet, preferred: Sequence[Row], most_pairs: int = MOST_PAIRS) -> Differences:
    """Return the differences to every row, or where these are too many pairs to the first rows of `preferred`.

    `preferred` holds all rows of the comparison set, those first that a reader may want to compare others with; there
    is at least one baseline.
    """
    places = [place for row in preferred if (place := compared.find(row)) is not None and not compared.is_lone(place)]
    num_baselines, num_pairs = 0, 0
    while num_baselines < len(places):
        num_pairs += len(places) - 1 - num_baselines
        if num_baselines and num_pairs > most_pairs:
            break
        num_baselines += 1
    return Differences(
        rows=tuple(compared.rows[place] for place in places),
        num_baselines=num_baselines,
        apart=[
            [_apart(compared, other, places[number]) for other in places[number + 1 :]]
            for number in range(num_baselines)
        ],
        paired=all(compared.components[place] is not None for place in places),
        num_pairs=compared.num_pairs,
    )


def _apart(compared: ComparisonSet, one: int, other: int) -> Apart:
    found = row_difference(compared, one, other)
    return Apart(found.value, *found.interval)
