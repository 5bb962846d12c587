"""Is one method better than another?"""

from collections.abc import Iterable
from typing import Any, Literal

from paretune.analysis.checklist import checklist, obstacles
from paretune.analysis.confidence_set import SIGNIFICANCE
from paretune.analysis.evidence import Evidence
from paretune.analysis.family import Family, make_family, num_questions
from paretune.analysis.intervals import Interval
from paretune.analysis.judged import row_estimate
from paretune.analysis.judges import judge_notes
from paretune.analysis.paired import Difference, p_above, paired_difference, unpaired_difference
from paretune.analysis.protocol import refuse_conflicts
from paretune.analysis.requirements import Capabilities
from paretune.analysis.rows import Row, rows_of
from paretune.analysis.sample_size import needed
from paretune.analysis.selection import View, choose_view, main_figure
from paretune.analysis.sentence import comparison_sentence, lone_figure
from paretune.spec import METRICS, InputError
from paretune.spec.base import Data
from paretune.spec.shown import Shown

Verdict = Literal["better", "worse", "ahead", "behind", "undecided"]
"""Ahead and behind: significant in these runs, but a point of the protocol is not met, so no claim."""


_WIDEST = 2.0
"""No two cosines, and no two shares, are further apart."""


class Side(Data):
    """One of the two methods."""

    name: str
    value: float
    """The main metric of the task, such as its accuracy."""
    interval: Interval
    num_seeds: int
    trains: bool
    metrics: dict[str, float]
    """Mean over seeds of every value that was measured."""


class Comparison(Shown, Data):
    """The first method against the second, on the same questions. Of accuracies 0.01 is one point."""

    task: str
    split: str
    metric: str
    """The main metric of the task: "accuracy", or "similarity" of drawings."""
    first: Side
    second: Side
    difference: float
    """Main metric of the first less that of the second."""
    interval: Interval
    """95 % interval of the difference."""
    p_value: float
    """Two-sided, of no difference."""
    p_value_adjusted: float
    """The same, adjusted for all pairs of methods of the task: what ranks and ties are read from too."""
    num_comparisons: int
    """Pairs of methods that it is adjusted for."""
    test: str
    paired: bool
    num_questions: int
    questions_standard_error: float
    """What other questions would change."""
    seeds_standard_error: float | None
    """What other seeds would change; None where a method has too few to say."""
    within: float
    """The margin within which the two are equally good with a confidence of 95 %: two one-sided tests, corrected for
    the number of pairs (Bonferroni), as the claim "matches within" is."""
    verdict: Verdict
    no_claim_because: str = ""
    """The points of the protocol that are not met, as clauses; empty where all are."""
    more_questions: int | None = None
    """About N more questions would separate a difference of this size; None where no practical number would."""
    more_seeds: int | None = None
    """The same for more seeds of each method."""
    sentence: str = ""
    notes: tuple[str, ...] = ()

    def __repr_args__(self) -> Iterable[tuple[str | None, Any]]:
        """Yield what was compared and what was found; `print` shows all of it in words."""
        yield from {"first": self.first.name, "second": self.second.name, "metric": self.metric}.items()
        yield "difference", round(self.difference, 4)
        yield "interval", tuple(round(end, 4) for end in self.interval)
        yield "verdict", self.verdict


def compare_rows(
    view: View, family: Family | None, first: str, second: str, known: Capabilities
) -> tuple[Comparison, Difference]:
    """Return the comparison of two methods of a view and the difference behind it; `family` is that of its rows.

    P-values are adjusted for all pairs of methods of the view. Raises `InputError` for an unknown method, for a method
    compared with itself, and for one that has no result.
    """
    rows = [view.find(first), view.find(second)]
    if rows[0].trial_ids == rows[1].trial_ids:
        raise InputError(f'"{first}" cannot be compared with itself; name another method')
    places = [family.find(row) if family else None for row in rows]
    for name, place, row in zip((first, second), places, rows, strict=True):
        if place is None:
            raise InputError(f'"{name}" cannot be compared on {view.task}: {_hindrance(row, main_figure(view.rows))}')
    assert family is not None
    one, other = (place for place in places if place is not None)
    difference = row_difference(family, one, other)
    reasons = obstacles(checklist(view, rows, known))
    comparison = _comparison(view, family, (one, other), difference, reasons)
    if difference.paired and (note := family.sampling.note):
        comparison = comparison.model_copy(update={"notes": (*comparison.notes, note)})
    parts = family.parts[one], family.parts[other]
    if parts[0] is not None and parts[1] is not None:
        comparison = comparison.model_copy(update=needed(parts[0], parts[1], family.num_pairs)._asdict())
    return comparison.model_copy(update={"sentence": comparison_sentence(comparison)}), difference


def _hindrance(row: Row, metric: str) -> str:
    """Return why a row that no family holds cannot be compared by its main metric."""
    if row.outcome.kind != "ok":
        return f"{row.num_ok} of {len(row.records)} seeds finished ({row.outcome.kind}); run it again"
    return f"its {lone_figure(metric)}" if metric in row.metrics else f"its {METRICS[metric].label.lower()} is missing"


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
    conflicts = refuse_conflicts(pair, [main_figure(pair.rows)], across=across)
    comparison, _ = compare_rows(view, make_family(view.rows, evidence.answers), first, second, known or {})
    judges = judge_notes(record for row in pair.rows for record in row.records)
    return comparison.model_copy(update={"notes": (*comparison.notes, *judges, *conflicts)})


def row_difference(family: Family, first: int, second: int) -> Difference:
    """Return the difference of two rows of a family, paired where the answers of both are known."""
    one, other = family.parts[first], family.parts[second]
    if one is not None and other is not None:
        return paired_difference(one, other)
    shares = [family.rows[place].metrics[family.quality] for place in (first, second)]
    counts = [num_questions(family.rows[place]) for place in (first, second)]
    return unpaired_difference(shares[0], counts[0], shares[1], counts[1])


def _comparison(
    view: View, family: Family, pair: tuple[int, int], difference: Difference, no_claim_because: str
) -> Comparison:
    one, other = pair
    sides = [_side(family, view, place) for place in pair]
    better, worse = float(family.p_values[one, other]), float(family.p_values[other, one])
    return Comparison(
        task=view.task,
        split=view.split,
        metric=main_figure(view.rows),
        first=sides[0],
        second=sides[1],
        difference=difference.value,
        interval=difference.interval,
        p_value=difference.p_value,
        p_value_adjusted=min(better, worse),
        num_comparisons=family.num_pairs,
        test=difference.test,
        paired=difference.paired,
        num_questions=difference.num_questions,
        questions_standard_error=difference.questions_variance**0.5,
        seeds_standard_error=difference.seeds_variance**0.5 if _seeds_known(sides) else None,
        within=_within(difference, family.num_pairs),
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


def _side(family: Family, view: View, place: int) -> Side:
    row = family.rows[place]
    estimate = row_estimate(family, place)
    return Side(
        name=view.name_of(row),
        value=estimate.mean,
        interval=estimate.interval,
        num_seeds=estimate.num_seeds,
        trains=row.records[0].trial.method.trains,
        metrics=row.metrics,
    )


def _seeds_known(sides: list[Side]) -> bool:
    return all(side.num_seeds > 1 or not side.trains for side in sides)


def _within(difference: Difference, num_comparisons: int) -> float:
    """Return the smallest margin at which both one-sided tests at 5 % over all comparisons reject (Schuirmann 1987)."""
    from scipy.optimize import brentq

    def excess(margin: float) -> float:
        flipped = difference._replace(centre=-difference.centre)
        return max(p_above(difference, -margin), p_above(flipped, -margin)) - SIGNIFICANCE / num_comparisons

    if excess(0.0) <= 0:
        return 0.0
    return float(brentq(excess, 0.0, _WIDEST)) if excess(_WIDEST) < 0 else _WIDEST


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
