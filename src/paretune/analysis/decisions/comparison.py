"""One method against another, as found, and in a sentence that a person can use."""

from collections.abc import Iterable
from typing import Any, Literal

from pydantic import Field

from paretune.analysis.decisions.phrases import (
    as_sentence,
    beyond_practical,
    corrected_for,
    gap,
    lead,
    more_of,
    needs_no_name,
    p_text,
    signed,
)
from paretune.analysis.statistics.confidence_set import SIGNIFICANCE
from paretune.analysis.statistics.intervals import Interval
from paretune.spec import METRICS, Metric
from paretune.spec.base import Data
from paretune.spec.shown import Shown

Verdict = Literal["better", "worse", "ahead", "behind", "undecided"]
"""Ahead and behind: significant in these runs, but a point of the protocol is not met, so no claim."""


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


class SeedDifference(Data):
    """The difference with one seed: what a study of that seed alone would have found."""

    seed: int
    difference: float
    """As `Comparison.difference`."""


class Comparison(Shown, Data):
    """The first method against the second, on the same questions. Of accuracies 0.01 is one point."""

    task: str
    split: str
    metric: str
    """The main metric of the task: "accuracy", or "similarity" of drawings."""
    definition: Metric = Field(
        default_factory=lambda data: METRICS[data["metric"]],
        exclude_if=lambda metric: METRICS.get(metric.name) == metric,
    )
    """What that metric is: its unit, and which way is better. Left out of JSON where it is one of Paretune's own."""
    first: Side
    second: Side
    difference: float
    """Main metric of the first less that of the second, whichever way is better."""
    interval: Interval
    """95 % interval of the difference, of this pair by itself: not corrected for other pairs."""
    p_value: float
    """Two-sided, of no difference."""
    p_value_adjusted: float
    """The same, adjusted for all pairs of methods of the task: what ranks and ties are read from too."""
    num_comparisons: int
    """Pairs of rows that it is adjusted for."""
    num_rows: int
    """Rows of the table that these pairs are of, the untouched base among them."""
    by_seed: tuple[SeedDifference, ...] = ()
    """For each seed that both have, or that the trained one has where the other is not trained."""
    test: str
    paired: bool
    num_questions: int
    questions_standard_error: float
    """What other questions would change."""
    seeds_standard_error: float | None
    """What other seeds would change; None where a method has too few to say."""
    within: float
    """Differences of more than this, either way, are ruled out with a confidence of 95 %: two one-sided tests,
    corrected for the number of pairs (Bonferroni), as the claim "matches within" is."""
    verdict: Verdict
    no_claim_because: str = ""
    """The points of the protocol that are not met, as clauses; empty where all are."""
    more_questions: int | None = None
    """About N more questions would separate a difference of this size; None where not even 100 times as many would."""
    more_seeds: int | None = None
    """The same for more seeds of each method that is trained."""
    times_both: int | None = None
    """Where neither would: so many times as many questions and seeds together; None where not even 100 times would."""
    sentence: str = ""
    notes: tuple[str, ...] = ()

    @property
    def gain(self) -> float:
        """The difference, turned round where less is better: above 0 where the first is ahead."""
        return self.definition.sign * self.difference

    def __repr_args__(self) -> Iterable[tuple[str | None, Any]]:
        """Yield what was compared and what was found; `print` shows all of it in words."""
        yield from {"first": self.first.name, "second": self.second.name, "metric": self.metric}.items()
        yield "difference", round(self.difference, 4)
        yield "interval", tuple(round(end, 4) for end in self.interval)
        yield "verdict", self.verdict


def comparison_sentence(comparison: Comparison) -> str:
    """Return what the comparison says, in a few sentences."""
    return " ".join(comparison_sentences(comparison))


def comparison_sentences(comparison: Comparison) -> list[str]:
    """Return the same, with a text for what was found, for the pair alone, for the correction, and for what to do."""
    found = _found(comparison)
    if comparison.num_comparisons == 1:
        head = f"{found} ({interval_text(comparison)}, p {p_text(comparison.p_value)})"
        lines = [f"{head}{_no_claim(comparison)}."]
        return [*lines, _more(comparison), _ruled_out(comparison)] if comparison.verdict == "undecided" else lines
    alone = f"This pair alone: {interval_text(comparison)}, p {p_text(comparison.p_value)}."
    corrected = f"Corrected for {_pairs(comparison)}: p {p_text(comparison.p_value_adjusted)}"
    if comparison.verdict == "undecided":
        corrected += f"; {_most(comparison)}"
    lines = [f"{found}{_no_claim(comparison)}.", alone, f"{corrected}. {_WHICH}"]
    return [*lines, _more(comparison)] if comparison.verdict == "undecided" else lines


_WHICH = (
    "The verdict uses the corrected p-value; the interval is for this pair alone. Quote the corrected p-value if you "
    "picked the pair from the results, and that of the pair alone if you meant to compare it before you saw any."
)


def interval_text(comparison: Comparison) -> str:
    """Return the interval of the difference of the pair by itself: "95% interval -3.1 to +4.2"."""
    (low, high), metric = comparison.interval, comparison.definition
    return f"95% interval {signed(metric, low)} to {signed(metric, high)}"


def alone(comparison: Comparison) -> str:
    """Return that a value is not corrected, where there are other pairs to correct for."""
    return " for this pair alone" if comparison.num_comparisons > 1 else ""


def _pairs(comparison: Comparison) -> str:
    return f"all {corrected_for(comparison.num_comparisons, comparison.num_rows)}"


def _found(comparison: Comparison) -> str:
    """Return what was found, without how sure it is."""
    first, second, metric = comparison.first.name, comparison.second.name, comparison.definition
    apart = gap(metric, abs(comparison.difference))
    by = f" by {apart}" if needs_no_name(metric) else f", with {lead(metric, comparison.difference)}"
    if comparison.verdict in {"ahead", "behind"}:
        side = "ahead of" if comparison.verdict == "ahead" else "behind"
        return f"{first} is {side} {second} in these runs{by}"
    if comparison.verdict != "undecided":
        return f"{first} is {comparison.verdict} than {second}{by}"
    if comparison.difference == 0:
        seen = f"{first} equals {second}"
    elif needs_no_name(metric):
        seen = f"{first} is {apart} {'ahead of' if comparison.gain > 0 else 'behind'} {second}"
    else:
        seen = f"{first} has {lead(metric, comparison.difference)} than {second}"
    known = comparison.p_value < SIGNIFICANCE
    return f"{'Not significant after correction' if known else 'No significant difference'}: {seen}"


def _no_claim(comparison: Comparison) -> str:
    """Return why no claim is made of a significant difference."""
    significant = comparison.verdict in {"ahead", "behind"}
    return f"; {comparison.no_claim_because}, so no claim" if significant else ""


def _most(comparison: Comparison) -> str:
    """Return how far apart the two can be. Whether that is as good as equal is for the reader to say."""
    metric = comparison.definition
    if comparison.within >= metric.widest:
        return "no difference is ruled out"
    most = gap(metric, comparison.within) + ("" if needs_no_name(metric) else f" in {metric.words}")
    return f"a true difference of more than {most}, either way, is ruled out (95% confidence)"


def _ruled_out(comparison: Comparison) -> str:
    return as_sentence(_most(comparison))


def _more(comparison: Comparison) -> str:
    trained = [side.name for side in (comparison.first, comparison.second) if side.trains]
    items = comparison.definition.items
    ways = more_of(comparison.more_questions, comparison.more_seeds, items, trained)
    if ways:
        by = " by the corrected test" if comparison.num_comparisons > 1 else ""
        return (
            f"About {ways} would give a significant difference{by} in 4 of 5 repeats, if the true difference is as "
            "observed."
        )
    if not comparison.paired:
        return "Per-question answers would give a sharper test."
    return as_sentence(beyond_practical("a difference this small", items, comparison.times_both))
