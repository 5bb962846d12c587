"""Rows with what the answers behind them say: intervals over seeds, ties, places, probabilities of the front."""

from collections.abc import Sequence

import numpy as np

from paretune.analysis.comparable import same_conditions
from paretune.analysis.confidence_set import confidence_set_p_values
from paretune.analysis.estimate import Estimate, mean_estimate
from paretune.analysis.family import Answers, Family, make_family, num_questions
from paretune.analysis.floor import Floor
from paretune.analysis.intervals import wilson
from paretune.analysis.pareto import front_probability
from paretune.analysis.ranks import places
from paretune.analysis.rows import Row, rows_of
from paretune.analysis.standing import Standing
from paretune.spec import COSTS, METRICS, Direction, Record


def judged_rows(
    records: Sequence[Record], answers: Answers, tuning: Sequence[Record] = (), floor: Floor | None = None
) -> list[Row]:
    """Return the rows of these records, in the order of `rows_of`, with intervals over seeds and with standings.

    Rows of one task and split are judged together. The result for a row does not depend on the order of the records.
    """
    rows = rows_of(records, tuning, floor)
    for key in dict.fromkeys((row.task, row.split) for row in rows):
        inside = [place for place, row in enumerate(rows) if (row.task, row.split) == key]
        family = make_family([rows[place] for place in inside], answers)
        if family is None:
            continue
        standings = _standings(family)
        for place in inside:
            if (found := family.find(rows[place])) is not None:
                standing = standings[found]
                rows[place] = rows[place]._replace(
                    quality_interval=standing.estimate.interval, standing=standing
                )  # fmt: skip
    return rows


def row_estimate(family: Family, place: int) -> Estimate:
    """Return the main metric of a family's row, which must have one, with its interval."""
    parts, row = family.parts[place], family.rows[place]
    if parts is not None:
        return mean_estimate(parts)
    mean, n = row.metrics["accuracy"], num_questions(row)
    return Estimate(mean, wilson(mean * n, n), (mean * (1 - mean) / n) ** 0.5, None, n, len(row.records))


def _standings(family: Family) -> list[Standing]:
    in_set = confidence_set_p_values(family.p_values)
    records = [record for row in family.rows for record in row.records]
    quality = family.draws.values.copy()
    quality[:, [place for place, row in enumerate(family.rows) if row.below_floor]] = np.nan
    on_front = {
        cost: front_probability([quality, family.metric_draws(cost)], (Direction.HIGHER, METRICS[cost].direction))
        for cost in COSTS
        if same_conditions(records, cost)
    }
    return [
        Standing(
            estimate=row_estimate(family, place),
            place=found,
            confidence_set_p_value=in_set[place],
            sampling_note=family.sampling.note if family.parts[place] is not None else None,
            front_probabilities={
                cost: float(shares[place])
                for cost, shares in on_front.items()
                if cost in family.rows[place].metrics and not family.rows[place].below_floor
            },
        )
        for place, found in enumerate(places(family.draws, family.p_values))
    ]
