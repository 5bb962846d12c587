"""What the rules of a recommendation need to know of each row, so that a page can apply them to any limits by itself.

The statistics are here already: which rows are significantly better than which does not depend on the limits.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from paretune.analysis.decisions.choice import Choice
from paretune.analysis.decisions.objective import check_weights
from paretune.analysis.decisions.protocol import protocol_conflicts
from paretune.analysis.decisions.recommend import comparable_costs, recommend_among
from paretune.analysis.decisions.recommendation import Recommendation
from paretune.analysis.decisions.requirements import Capabilities
from paretune.analysis.statistics.confidence_set import SIGNIFICANCE
from paretune.analysis.table.comparison_set import make_comparison_set
from paretune.analysis.table.evidence import Answers
from paretune.analysis.table.floor import Baseline, baselines
from paretune.analysis.table.selection import View

MOST_ROWS = 2_000
"""Of one task and split. Which of more rows are better than which takes a hundred megabytes and half a minute."""


class Rules(NamedTuple):
    """What a recommendation by the main metric is made from. Lists are in the order of the view's rows."""

    names: list[str]
    places: list[int | None]
    """The row's place when all that have a main metric are sorted, the best first; None for one without a place."""
    lone: list[bool]
    """Whether nothing says how sure the row's main metric is."""
    better: list[list[int]]
    """For each place, the places that are significantly better as runs: a place, how many follow on each other, ..."""
    costs: list[str]
    """Those that may be compared between these rows."""
    baselines: list[Baseline]
    conflicts: list[str]
    """What sets these rows apart, so that the command compares them only with --across."""
    unlimited: Recommendation
    """The recommendation without any limit."""


def rules_of(view: View, answers: Answers, known: Capabilities) -> Rules | None:
    """Return the rules for the rows of a view; None where no row ended well, and where there are too many.

    What follows from them for any limits on means, and any capabilities, is what `recommend_among` says with the main
    metric as the objective, except for probabilities.
    """
    if len(view.rows) > MOST_ROWS:
        return None
    compared = make_comparison_set(view.rows, answers, with_unscored=True)
    if compared is None:
        return None
    objective = check_weights({view.main_metric.name: 1.0}, "the objective", view.table)
    costs = comparable_costs(compared)
    scored = tuple(int(place) for place in np.flatnonzero(np.isfinite(compared.draws.means)))
    order = Choice(view, compared, scored, objective, (), costs, known).order
    sorted_places = [scored[number] for number in order]
    place_of = {compared.rows[place].trial_ids: number for number, place in enumerate(sorted_places)}
    told = compared.adjusted.among(sorted_places) < SIGNIFICANCE if sorted_places else np.zeros((0, 0), dtype=bool)
    found = [compared.find(row) for row in view.rows]
    return Rules(
        names=[view.name_of(row) for row in view.rows],
        places=[place_of.get(row.trial_ids) for row in view.rows],
        lone=[place is not None and compared.is_lone(place) for place in found],
        better=[_runs(told[:, number]) for number in range(len(sorted_places))],
        costs=costs,
        baselines=baselines(view.rows),
        conflicts=protocol_conflicts(view, [view.main_metric.name]),
        unlimited=recommend_among(view, compared, objective, known=known),
    )


def _runs(marked: NDArray[np.bool_]) -> list[int]:
    """Return the marked places as the start and the length of each run."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], marked, [False]]).astype(np.int8)))
    runs: Sequence[int] = np.stack([edges[::2], edges[1::2] - edges[::2]], axis=1).ravel().tolist()
    return list(runs)
