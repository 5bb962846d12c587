"""Is one method better than another?"""

from paretune.analysis.decisions.checklist import checklist, obstacles
from paretune.analysis.decisions.comparison import Comparison, SeedDifference, Side, Verdict, comparison_sentence
from paretune.analysis.decisions.phrases import lone_value
from paretune.analysis.decisions.protocol import refuse_conflicts
from paretune.analysis.decisions.requirements import Capabilities
from paretune.analysis.statistics.confidence_set import SIGNIFICANCE
from paretune.analysis.statistics.paired import Difference, p_above, paired_difference, unpaired_difference
from paretune.analysis.statistics.sample_size import needed
from paretune.analysis.table.comparable import judge_notes
from paretune.analysis.table.comparison_set import ComparisonSet, make_comparison_set, num_questions
from paretune.analysis.table.evidence import Evidence
from paretune.analysis.table.judged import row_estimate
from paretune.analysis.table.rows import Row, rows_of
from paretune.analysis.table.selection import View, choose_view
from paretune.spec import InputError, Metric

_WIDEST = 2.0
"""Where the search for a margin begins: no two cosines, and no two shares, are further apart."""


def compare_rows(
    view: View, compared: ComparisonSet | None, first: str, second: str, known: Capabilities
) -> tuple[Comparison, Difference]:
    """Return the comparison of two methods of a view and the difference behind it; `compared` is that of its rows.

    P-values are adjusted for all pairs of methods of the view. Raises `InputError` for an unknown method, for a method
    compared with itself, and for one that has no result.
    """
    rows = [view.find(first), view.find(second)]
    if rows[0].trial_ids == rows[1].trial_ids:
        raise InputError(f'"{first}" cannot be compared with itself; name another method')
    places = [compared.find(row) if compared else None for row in rows]
    for name, place, row in zip((first, second), places, rows, strict=True):
        if place is None:
            raise InputError(f'"{name}" cannot be compared on {view.task}: {_hindrance(row, view.main_metric)}')
    assert compared is not None
    one, other = (place for place in places if place is not None)
    difference = row_difference(compared, one, other)
    reasons = obstacles(checklist(view, rows, known))
    comparison = _comparison(view, compared, (one, other), difference, reasons)
    if difference.paired and (note := compared.sampling_note):
        comparison = comparison.model_copy(update={"notes": (*comparison.notes, note)})
    components = compared.components[one], compared.components[other]
    if components[0] is not None and components[1] is not None:
        comparison = comparison.model_copy(update=needed(components[0], components[1], compared.num_pairs)._asdict())
    return comparison.model_copy(update={"sentence": comparison_sentence(comparison)}), difference


def _hindrance(row: Row, metric: Metric) -> str:
    """Return why a row that no comparison set holds cannot be compared by its main metric."""
    if row.outcome.kind != "ok":
        return f"{row.num_ok} of {len(row.records)} seeds finished ({row.outcome.kind}); run it again"
    return f"its {lone_value(metric)}" if metric.name in row.metrics else f"its {metric.words} is missing"


def compare_in(
    evidence: Evidence,
    first: str,
    second: str,
    *,
    known: Capabilities | None = None,
    task: str | None = None,
    split: str | None = None,
    across: bool = False,
) -> Comparison:
    """Return the comparison of two methods. Raises `InputError` as `compare` does."""
    view = choose_view(rows_of(evidence.records), task, split, evidence.study)
    pair = view.only([view.find(name) for name in (first, second)])
    conflicts = refuse_conflicts(pair, [pair.main_metric.name], across=across)
    comparison, _ = compare_rows(view, make_comparison_set(view.rows, evidence.answers), first, second, known or {})
    judges = judge_notes(record for row in pair.rows for record in row.records)
    return comparison.model_copy(update={"notes": (*comparison.notes, *judges, *conflicts)})


def row_difference(compared: ComparisonSet, first: int, second: int) -> Difference:
    """Return the difference of two rows of a comparison set, paired where the answers of both are known."""
    one, other = compared.components[first], compared.components[second]
    if one is not None and other is not None:
        return paired_difference(one, other, items=compared.main_metric.items, widest=compared.main_metric.widest)
    shares = [compared.rows[place].metrics[compared.quality] for place in (first, second)]
    counts = [num_questions(compared.rows[place]) for place in (first, second)]
    return unpaired_difference(shares[0], counts[0], shares[1], counts[1])


def _comparison(
    view: View, compared: ComparisonSet, pair: tuple[int, int], difference: Difference, no_claim_because: str
) -> Comparison:
    one, other = pair
    sides = [_side(compared, view, place) for place in pair]
    better, worse = compared.adjusted.at(one, other), compared.adjusted.at(other, one)
    return Comparison(
        task=view.task,
        split=view.split,
        metric=compared.quality,
        definition=compared.main_metric,
        first=sides[0],
        second=sides[1],
        difference=difference.value,
        interval=difference.interval,
        p_value=difference.p_value,
        p_value_adjusted=min(better, worse),
        num_comparisons=compared.num_pairs,
        num_rows=compared.num_compared,
        by_seed=_by_seed(compared.rows[one], compared.rows[other]),
        test=difference.test,
        paired=difference.paired,
        num_questions=difference.num_questions,
        questions_standard_error=difference.questions_variance**0.5,
        seeds_standard_error=difference.seeds_variance**0.5 if _seeds_known(sides) else None,
        within=_within(compared.main_metric, difference, compared.num_pairs),
        verdict=_verdict(better, worse, claimable=not no_claim_because),
        no_claim_because=no_claim_because,
        notes=tuple(_notes(view, sides, difference)),
    )


def _verdict(better: float, worse: float, *, claimable: bool) -> Verdict:
    """Return the verdict from the adjusted p-values; it is a claim only where every point of the protocol is met."""
    if better < SIGNIFICANCE:
        return "better" if claimable else "ahead"
    if worse < SIGNIFICANCE:
        return "worse" if claimable else "behind"
    return "undecided"


def _side(compared: ComparisonSet, view: View, place: int) -> Side:
    row = compared.rows[place]
    estimate = row_estimate(compared, place)
    return Side(
        name=view.name_of(row),
        value=estimate.mean,
        interval=estimate.interval,
        num_seeds=estimate.num_seeds,
        trains=row.records[0].trial.method.trains,
        metrics=row.metrics,
    )


def _by_seed(first: Row, second: Row) -> tuple[SeedDifference, ...]:
    """Return the difference with each seed alone, in the order of the seeds.

    What is not trained gives the same with every seed, so its one value is compared with each seed of the other.
    """
    rows = (first, second)
    trained = [set(row.by_seed) for row in rows if row.trains] or [set(first.by_seed)]
    seeds = sorted(set.intersection(*trained))
    values = [row.by_seed if row.trains else dict.fromkeys(seeds, row.metrics[row.quality]) for row in rows]
    return tuple(SeedDifference(seed=seed, difference=values[0][seed] - values[1][seed]) for seed in seeds)


def _seeds_known(sides: list[Side]) -> bool:
    return all(side.num_seeds > 1 or not side.trains for side in sides)


def _within(metric: Metric, difference: Difference, num_comparisons: int) -> float:
    """Return the smallest margin at which both one-sided tests at 5 % over all comparisons reject (Schuirmann 1987)."""
    from scipy.optimize import brentq

    def excess(margin: float) -> float:
        flipped = difference._replace(centre=-difference.centre)
        return max(p_above(difference, -margin), p_above(flipped, -margin)) - SIGNIFICANCE / num_comparisons

    if excess(0.0) <= 0:
        return 0.0
    widest = _WIDEST
    while excess(widest) >= 0:
        widest *= 2
    return min(metric.widest, float(brentq(excess, 0.0, widest)))


def _notes(view: View, sides: list[Side], difference: Difference) -> list[str]:
    notes = []
    lacking = [side.name for side in sides if side.trains and side.num_seeds == 1]
    if lacking:
        notes.append(f"One seed of {' and of '.join(lacking)}: seed variance is not included.")
    if not difference.paired:
        notes.append("Per-question answers are not available, so the comparison is unpaired.")
    if view.split == "validation":
        notes.append("These are results on the validation split, which may have been used to choose settings.")
    return notes
