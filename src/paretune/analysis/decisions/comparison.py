"""One method against another, as found, and in a sentence that a person can use."""

from collections.abc import Iterable
from typing import Any, Literal

from pydantic import Field

from paretune.analysis.decisions.phrases import gap, lead, more_of, needs_no_name, p_text, signed
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
    """Pairs of methods that it is adjusted for."""
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
    """About N more questions would separate a difference of this size; None where no practical number would."""
    more_seeds: int | None = None
    """The same for more seeds of each method."""
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
    """Return what the comparison says, in one to three sentences."""
    first, second, metric = comparison.first.name, comparison.second.name, comparison.definition
    apart = gap(metric, abs(comparison.difference))
    by = f" by {apart}" if needs_no_name(metric) else f", with {lead(metric, comparison.difference)}"
    interval, pairs = interval_text(comparison), comparison.num_comparisons
    corrected = f"p {p_text(comparison.p_value_adjusted)}"
    corrected += f", corrected for {pairs:,} pairs of methods" if pairs > 1 else ""
    if comparison.verdict in {"ahead", "behind"}:
        side = "ahead of" if comparison.verdict == "ahead" else "behind"
        return (
            f"{first} is {side} {second} in these runs{by} ({interval}; {corrected}); "
            f"{comparison.no_claim_because}, so no claim."
        )
    if comparison.verdict != "undecided":
        return f"{first} is {comparison.verdict} than {second}{by} ({interval}; {corrected})."
    if comparison.difference == 0:
        seen = f"{first} equals {second}"
    elif needs_no_name(metric):
        seen = f"{first} is {apart} {'ahead of' if comparison.gain > 0 else 'behind'} {second}"
    else:
        seen = f"{first} has {lead(metric, comparison.difference)} than {second}"
    if comparison.p_value < SIGNIFICANCE:
        alone = f"p {p_text(comparison.p_value)} without correction"
        head = f"Not significant after correction: {seen} ({interval}; {alone}; {corrected})."
    else:
        head = f"No significant difference: {seen} ({interval}; {corrected})."
    return f"{head} {_more(comparison)} {_ruled_out(comparison)}"


def interval_text(comparison: Comparison) -> str:
    """Return the interval of the difference, and that it is not corrected where there are other pairs of methods."""
    (low, high), metric = comparison.interval, comparison.definition
    alone = " for this pair alone" if comparison.num_comparisons > 1 else ""
    return f"95% interval {signed(metric, low)} to {signed(metric, high)}{alone}"


def _ruled_out(comparison: Comparison) -> str:
    """Return which differences the data rule out. Whether that is as good as equal is for the reader to say."""
    metric, pairs = comparison.definition, comparison.num_comparisons
    if comparison.within >= metric.widest:
        return "No difference is ruled out."
    than = gap(metric, comparison.within) + ("" if needs_no_name(metric) else f" in {metric.words}")
    differences = "In these runs, differences" if comparison.no_claim_because else "Differences"
    corrected = f", corrected for {pairs:,} pairs" if pairs > 1 else ""
    return f"{differences} of more than {than} are ruled out with a confidence of 95%{corrected}."


def _more(comparison: Comparison) -> str:
    ways = more_of(comparison.more_questions, comparison.more_seeds, comparison.definition.items)
    if ways:
        return f"About {ways} would decide with a probability of 80%, if the true difference is as observed."
    if not comparison.paired:
        return "Per-question answers would give a sharper test."
    return f"No practical number of {comparison.definition.items} or seeds alone would decide."
