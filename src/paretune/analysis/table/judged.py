"""Rows with what the answers behind them say: intervals over seeds, ties, places, probabilities of the front."""

from collections.abc import Sequence

from paretune.analysis.statistics.estimate import Estimate, accuracy_estimate, mean_estimate
from paretune.analysis.statistics.intervals import Interval, wilson
from paretune.analysis.statistics.ranks import Power, Standing, places
from paretune.analysis.statistics.sample_size import detectable_now
from paretune.analysis.statistics.shares_of_draws import CostDraws, shares_of_draws
from paretune.analysis.table.comparable import same_conditions
from paretune.analysis.table.comparison_set import ComparisonSet, make_comparison_set, num_questions
from paretune.analysis.table.evidence import Answers
from paretune.analysis.table.floor import Floor
from paretune.analysis.table.rows import Row, rows_of
from paretune.spec import COSTS, METRICS, Record


def judged_rows(
    records: Sequence[Record], answers: Answers, tuning: Sequence[Record] = (), floor: Floor | None = None
) -> list[Row]:
    """Return the rows of these records, in the order of `rows_of`, with intervals over seeds and with standings.

    Rows of one task and split are judged together. The result for a row does not depend on the order of the records.
    """
    rows = rows_of(records, tuning, floor)
    for key in dict.fromkeys((row.task, row.split) for row in rows):
        inside = [place for place, row in enumerate(rows) if (row.task, row.split) == key]
        compared = make_comparison_set([rows[place] for place in inside], answers)
        if compared is None:
            continue
        standings = _standings(compared)
        for place in inside:
            if (found := compared.find(rows[place])) is not None:
                standing = standings[found]
                rows[place] = rows[place]._replace(
                    quality_interval=standing.estimate.interval, standing=standing
                )  # fmt: skip
    return rows


def row_estimate(compared: ComparisonSet, place: int) -> Estimate:
    """Return the main metric of a comparison set's row, which must have one, with its interval."""
    components, row = compared.components[place], compared.rows[place]
    if components is not None:
        main = compared.main_metric
        # Of a share whose values are all the same nothing tells the spread, which is at most that of right and wrong.
        constant = main.is_share and components.units_variance + components.seeds_variance == 0
        found = accuracy_estimate(components) if constant else mean_estimate(components)
        return found._replace(interval=Interval(main.within(found.interval.low), main.within(found.interval.high)))
    mean, n = row.metrics[compared.quality], num_questions(row)
    return Estimate(mean, wilson(mean * n, n), (mean * (1 - mean) / n) ** 0.5, None, n, len(row.records))


def _standings(compared: ComparisonSet) -> list[Standing]:
    records = [record for row in compared.rows for record in row.records]
    costs = {
        cost: CostDraws(compared.metric_blocks(cost), METRICS[cost].direction)
        for cost in COSTS
        if same_conditions(records, cost)
    }
    below_floor = tuple(place for place, row in enumerate(compared.rows) if row.below_floor)
    power = _power(compared)
    told, shares = compared.adjusted.told_apart, shares_of_draws(compared.goodness, costs, below_floor)
    return [
        Standing(
            estimate=row_estimate(compared, place),
            place=found,
            confidence_set_p_value=float(told.least[place]),
            sampling_note=compared.sampling_note if compared.components[place] is not None else None,
            front_probabilities={
                cost: float(on_front[place])
                for cost, on_front in shares.on_front.items()
                if cost in compared.rows[place].metrics and not compared.rows[place].below_floor
            },
            power=power,
        )
        for place, found in enumerate(places(compared.goodness, told, shares.best))
    ]


def _power(compared: ComparisonSet) -> Power | None:
    """Return which differences of trained rows the study can find; None with fewer than two that are paired."""
    pairs = zip(compared.rows, compared.components, strict=True)
    trained = [one for row, one in pairs if row.trains and one is not None]
    if len(trained) < 2:
        return None
    return Power(detectable_now(trained, compared.num_pairs), compared.num_pairs, compared.num_compared)
