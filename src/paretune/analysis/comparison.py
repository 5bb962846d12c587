"""Is one method better than another?"""

from typing import Literal

from paretune.analysis.checklist import checklist, obstacles
from paretune.analysis.evidence import Evidence
from paretune.analysis.family import Family, make_family, num_questions
from paretune.analysis.holm import holm
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

Verdict = Literal["better", "worse", "ahead", "behind", "undecided"]
"""Ahead and behind: significant in these runs, but a point of the protocol is not met, so no claim."""
SIGNIFICANCE = 0.05


class Side(Data):
    """One of the two methods."""

    name: str
    value: float
    """The main figure of the task, such as its accuracy."""
    interval: Interval
    num_seeds: int
    trains: bool
    metrics: dict[str, float]
    """Mean over seeds of every figure that was measured."""


class Comparison(Data):
    """The first method against the second, on the same questions. Of accuracies 0.01 is one point."""

    task: str
    split: str
    metric: str
    """The main figure of the task: "accuracy", or "similarity" of drawings."""
    first: Side
    second: Side
    difference: float
    """Main figure of the first less that of the second."""
    interval: Interval
    """95 % interval of the difference."""
    p_value: float
    """Two-sided, of no difference."""
    p_value_holm: float
    """The same, corrected for every method of the study that could have been compared with the second."""
    num_comparisons: int
    test: str
    paired: bool
    num_questions: int
    questions_standard_error: float
    """What other questions would change."""
    seeds_standard_error: float | None
    """What other seeds would change; None where a method has too few to say."""
    within: float
    """The margin within which the two are equally good with a confidence of 95 % (two one-sided tests)."""
    verdict: Verdict
    no_claim_because: str = ""
    """The points of the protocol that are not met, as clauses; empty where all are."""
    more_questions: int | None = None
    """About so many more questions would tell a difference of this size; None where no practical number would."""
    more_seeds: int | None = None
    """The same for more seeds of each method."""
    sentence: str = ""
    notes: tuple[str, ...] = ()


def compare_rows(
    evidence: Evidence, view: View, first: str, second: str, known: Capabilities | None = None
) -> tuple[Comparison, Difference]:
    """Return the comparison of two methods of a view and the difference behind it.

    The family for Holm's correction is every method of the view against the second. Raises `InputError` for an unknown
    method, for a method compared with itself, and for one that has no result.
    """
    rows = [view.find(first), view.find(second)]
    if rows[0].trial_ids == rows[1].trial_ids:
        raise InputError(f'"{first}" cannot be compared with itself; name another method')
    family = make_family(view.rows, evidence.answers)
    places = [family.find(row) if family else None for row in rows]
    for name, place, row in zip((first, second), places, rows, strict=True):
        if place is None:
            raise InputError(f'"{name}" cannot be compared on {view.task}: {_hindrance(row, main_figure(view.rows))}')
    assert family is not None
    one, other = (place for place in places if place is not None)
    against = {place: row_difference(family, place, other) for place in range(len(family.rows)) if place != other}
    corrected = dict(zip(against, holm([found.p_value for found in against.values()]), strict=True))
    difference, p_value = against[one], corrected[one]
    sides = [_side(family, view, place) for place in (one, other)]
    comparison = _comparison(view, sides, difference, p_value, len(against))
    if difference.paired and (note := family.sampling.note):
        comparison = comparison.model_copy(update={"notes": (*comparison.notes, note)})
    comparison = _held_to_protocol(comparison, obstacles(checklist(view, rows, known or {})))
    parts = family.parts[one], family.parts[other]
    if parts[0] is not None and parts[1] is not None:
        comparison = comparison.model_copy(update=needed(parts[0], parts[1], len(against))._asdict())
    return comparison.model_copy(update={"sentence": comparison_sentence(comparison)}), difference


def _held_to_protocol(comparison: Comparison, reasons: str) -> Comparison:
    """Return the comparison with a verdict that is a claim only where every point of the protocol is met."""
    weaker: dict[Verdict, Verdict] = {"better": "ahead", "worse": "behind"} if reasons else {}
    verdict = weaker.get(comparison.verdict, comparison.verdict)
    return comparison.model_copy(update={"verdict": verdict, "no_claim_because": reasons})


def _hindrance(row: Row, metric: str) -> str:
    """Return why a row that no family holds cannot be compared by its main figure."""
    if row.outcome.kind != "ok":
        return f"{row.num_ok} of {len(row.records)} seeds ended well ({row.outcome.kind}); run it again"
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
    view = choose_view(rows_of(evidence.records), task, split)
    pair = View(view.task, view.split, tuple(view.find(name) for name in (first, second)))
    conflicts = refuse_conflicts(pair, [main_figure(pair.rows)], across=across)
    comparison, _ = compare_rows(evidence, view, first, second, known)
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
    view: View, sides: list[Side], difference: Difference, p_value_holm: float, num_comparisons: int
) -> Comparison:
    verdict: Verdict = "undecided"
    if p_value_holm < SIGNIFICANCE:
        verdict = "better" if difference.value > 0 else "worse"
    return Comparison(
        task=view.task,
        split=view.split,
        metric=main_figure(view.rows),
        first=sides[0],
        second=sides[1],
        difference=difference.value,
        interval=difference.interval,
        p_value=difference.p_value,
        p_value_holm=p_value_holm,
        num_comparisons=num_comparisons,
        test=difference.test,
        paired=difference.paired,
        num_questions=difference.num_questions,
        questions_standard_error=difference.questions_variance**0.5,
        seeds_standard_error=difference.seeds_variance**0.5 if _seeds_known(sides) else None,
        within=_within(difference),
        verdict=verdict,
        notes=tuple(_notes(view, sides, difference)),
    )


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


def _within(difference: Difference) -> float:
    """Return the smallest margin at which both one-sided tests at 5 % reject (Schuirmann 1987)."""
    from scipy.optimize import brentq

    def excess(margin: float) -> float:
        flipped = difference._replace(centre=-difference.centre)
        return max(p_above(difference, -margin), p_above(flipped, -margin)) - 0.05

    return float(brentq(excess, 0.0, 4.0)) if excess(0.0) > 0 else 0.0


def _notes(view: View, sides: list[Side], difference: Difference) -> list[str]:
    notes = []
    lacking = [side.name for side in sides if side.trains and side.num_seeds == 1]
    if lacking:
        notes.append(f"One seed of {' and of '.join(lacking)}: what another seed would change is not covered.")
    if not difference.paired:
        notes.append(
            "The answers are not known question by question, so the methods count as asked different questions."
        )
    if view.split == "validation":
        notes.append("These are answers on the validation split, on which choices may have been made.")
    return notes
