"""Does the evidence support a claim that one method beats another?"""

import re
from collections.abc import Iterable
from typing import Any, Literal, NamedTuple

from paretune.analysis.decisions.checklist import Check, checklist, cost_check
from paretune.analysis.decisions.compare import compare_rows
from paretune.analysis.decisions.comparison import Comparison, alone, interval_text
from paretune.analysis.decisions.phrases import corrected_for, gap, signed
from paretune.analysis.decisions.requirements import Capabilities, known_metric
from paretune.analysis.statistics.confidence_set import SIGNIFICANCE
from paretune.analysis.statistics.paired import Difference, lower_bound, p_above
from paretune.analysis.table.comparison_set import ComparisonSet, make_comparison_set
from paretune.analysis.table.evidence import Evidence
from paretune.analysis.table.rows import rows_of
from paretune.analysis.table.selection import View, choose_view
from paretune.spec import METRICS, Direction, InputError, Metric, Unit
from paretune.spec.base import Data
from paretune.spec.shown import Shown

ClaimVerdict = Literal["supported", "refuted", "undecided"]
_CLAIM = re.compile(
    r"\s*(?P<first>.+?)\s+(?P<kind>beats|matches|is better than|>)\s+(?P<second>.+?)"
    r"(?:\s+(?:by|within)\s+(?P<margin>\d+(?:\.\d+)?)(?P<points>\s+points?)?)?"
    r"(?:\s+at\s+(?P<share>half|\d+(?:\.\d+)?%)\s+(?:of\s+)?the\s+(?P<cost>[\w ]+?))?\s*",
    re.IGNORECASE,
)
_SHAPES = '"X beats Y", "X beats Y by 2 points" or "X matches Y within 1 point", and after it "at half the memory"'
_NO_SHARE = '"X beats Y by 0.1" or "X matches Y within 0.1"'
_COSTS = {metric.words.lower(): name for name, metric in METRICS.items()} | {"memory": "train_peak_bytes"}
"""Metrics as they are called in table and page, with those words alone that people use."""


class Claim(NamedTuple):
    """What is claimed of two methods."""

    first: str
    second: str
    kind: Literal["beats", "matches"]
    margin: float
    """Beats by more than this, or matches when it is behind by less than this. In points it is given as a share."""
    in_points: bool = True
    """Whether the margin is in points, as shares are compared; otherwise it is in the unit of the main metric."""
    cost: str | None = None
    """A metric of which the first needs at most `cost_share` of what the second needs, where that is claimed too."""
    cost_share: float = 1.0


class Judgement(Shown, Data):
    """What the records say about a claim."""

    claim: str
    verdict: ClaimVerdict
    reason: str
    """Why, in a sentence."""
    p_value: float
    """Of the claim's opposite, adjusted for all pairs of methods: small supports the claim."""
    checks: tuple[Check, ...]
    comparison: Comparison

    def __repr_args__(self) -> Iterable[tuple[str | None, Any]]:
        """Yield the claim and the verdict; `print` shows the reason and the checklist."""
        yield from {"claim": self.claim, "verdict": self.verdict, "p_value": round(self.p_value, 4)}.items()


def parse_claim(text: str) -> Claim:
    """Return the claim that a sentence makes. Raises `InputError` when it has another form."""
    match = _CLAIM.fullmatch(text)
    if match is None:
        raise InputError(f'"{text}": not a claim in a known form; write {_SHAPES}')
    kind: Literal["beats", "matches"] = "matches" if match["kind"].lower() == "matches" else "beats"
    if kind == "matches" and match["margin"] is None:
        raise InputError(f'"{text}": the margin in points is missing; write {_SHAPES}')
    in_points = match["points"] is not None or match["margin"] is None
    margin = float(match["margin"] or 0) / (100 if in_points else 1)
    claim = Claim(match["first"], match["second"], kind, margin, in_points)
    if match["cost"] is None:
        return claim
    cost = known_metric(_COSTS.get(match["cost"].lower(), match["cost"]), f'"{text}"')
    if METRICS[cost].direction is Direction.HIGHER:
        raise InputError(f'"{text}": of {METRICS[cost].words} more is better, so it is no cost; name a cost')
    share = 0.5 if match["share"].lower() == "half" else float(match["share"].rstrip("%")) / 100
    return claim._replace(cost=cost, cost_share=share)


def judge_claim(
    evidence: Evidence, text: str, *, known: Capabilities | None = None, task: str | None = None
) -> Judgement:
    """Return the verdict on a claim. Raises `InputError` as `claim` does.

    Supported: the statistics support it and every point of the protocol is met. Refuted: they support its opposite, and
    the protocol is met likewise, or the cost is not as claimed. Undecided otherwise.
    """
    parse_claim(text)
    view = choose_view(rows_of(evidence.records), task, study=evidence.study)
    return judge_rows(view, make_comparison_set(view.rows, evidence.answers), text, known or {})


def judge_rows(view: View, compared: ComparisonSet | None, text: str, known: Capabilities) -> Judgement:
    """Return the verdict on a claim about rows of a view; `compared` is that of its rows."""
    claim = _in_its_unit(parse_claim(text), text, view.main_metric)
    comparison, difference = compare_rows(view, compared, claim.first, claim.second, known)
    pair = [view.find(claim.first), view.find(claim.second)]
    checks = checklist(view, pair, known)
    if claim.cost is not None:
        checks.append(cost_check(view, pair, claim.cost, claim.cost_share))
    supports, opposes = _p_values(claim, comparison, difference)
    verdict, reason = _verdict(claim, (comparison, difference), checks, supports, opposes)
    return Judgement(
        claim=text, verdict=verdict, reason=reason, p_value=supports, checks=tuple(checks), comparison=comparison
    )


def _in_its_unit(claim: Claim, text: str, metric: Metric) -> Claim:
    """Return the claim. Raises `InputError` where its margin is in points and the metric no share, or the reverse."""
    if not claim.margin or claim.in_points == (metric.unit is Unit.FRACTION):
        return claim
    if claim.in_points:
        raise InputError(f'"{text}": {metric.words} is no share, so its margin has no points; write {_NO_SHARE}')
    raise InputError(f'"{text}": a margin of {metric.words} is in points; write {_SHAPES}')


def _verdict(
    claim: Claim, found: tuple[Comparison, Difference], checks: list[Check], supports: float, opposes: float
) -> tuple[ClaimVerdict, str]:
    comparison, difference = found
    open_points = [check for check in checks if check.passed is not True]
    unmet = f"the protocol is not met ({', '.join(check.point for check in open_points)})"
    dearer = next((check for check in open_points if check.point == "cost" and check.passed is False), None)
    says = _says(claim, comparison)
    if opposes < SIGNIFICANCE and all(check.point == "cost" for check in open_points):
        return "refuted", f"{says}: {_opposite(claim, comparison)}."
    if dearer is not None:
        return "refuted", f"The cost is not as claimed: {dearer.finding}."
    if opposes < SIGNIFICANCE:
        return "undecided", f"{says}: in these runs {_opposite(claim, comparison)}, but {unmet}."
    if supports >= SIGNIFICANCE:
        return "undecided", _open(claim, comparison, difference)
    if open_points:
        return "undecided", f"{says}: the results support it, but {unmet}."
    return "supported", f"{says}, and every point of the protocol is met."


def _p_values(claim: Claim, comparison: Comparison, difference: Difference) -> tuple[float, float]:
    """Return the p-values that speak for the claim and for its opposite, each small where it speaks loudly.

    "Beats" without a margin is the verdict of `compare`. With a margin, and for "matches", the tests are one-sided and
    multiplied by the number of pairs of methods that could have been claimed about (Bonferroni); a difference that is
    larger than a margin must be a difference by `compare` too.
    """
    adjusted = comparison.p_value_adjusted
    better, worse = (adjusted, 1.0) if comparison.gain > 0 else (1.0, adjusted)
    if not claim.margin:
        return better, worse
    least = claim.margin if claim.kind == "beats" else -claim.margin
    gain = difference._replace(centre=comparison.definition.sign * difference.centre)
    flipped = gain._replace(centre=-gain.centre)
    above = min(1.0, comparison.num_comparisons * p_above(gain, least))
    below = min(1.0, comparison.num_comparisons * p_above(flipped, -least))
    if claim.kind == "beats":
        return max(above, better), min(below, worse)
    return min(above, better), max(below, worse)


def _says(claim: Claim, comparison: Comparison) -> str:
    metric = comparison.definition
    unit = "points" if metric.unit is Unit.FRACTION else metric.words
    seen = f"{signed(metric, comparison.difference)} {unit}, {interval_text(comparison)}{alone(comparison)}"
    return f"{claim.first} against {claim.second}: {seen}"


def _margin(claim: Claim, comparison: Comparison) -> str:
    if not claim.in_points:
        return gap(comparison.definition, claim.margin)
    return f"{100 * claim.margin:g} point{'' if claim.margin == 0.01 else 's'}"


def _opposite(claim: Claim, comparison: Comparison) -> str:
    if claim.kind == "matches":
        return f"it is behind by more than {_margin(claim, comparison)}"
    return f"not ahead by {_margin(claim, comparison)}" if claim.margin else "it is behind"


def _open(claim: Claim, comparison: Comparison, difference: Difference) -> str:
    if claim.kind == "beats" and not claim.margin:
        return comparison.sentence
    pairs, rows, margin = comparison.num_comparisons, comparison.num_rows, _margin(claim, comparison)
    says, corrected = _says(claim, comparison), f" (corrected for {corrected_for(pairs, rows)})" if pairs > 1 else ""
    if claim.kind == "beats":
        return f"{says}: not shown that it is ahead by more than {margin}{corrected}."
    gain = difference._replace(centre=comparison.definition.sign * difference.centre)
    behind = gap(comparison.definition, -lower_bound(gain, 1 - SIGNIFICANCE / pairs))
    return f"{says}: {claim.first} may still be up to {behind} behind{corrected}; the margin is {margin}."
