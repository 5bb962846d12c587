"""Does the evidence support a claim that one method beats another?"""

import re
from typing import Literal, NamedTuple

from paretune.analysis.checklist import Check, checklist, cost_check
from paretune.analysis.comparison import SIGNIFICANCE, Comparison, compare_rows
from paretune.analysis.evidence import Evidence
from paretune.analysis.paired import Difference, p_above
from paretune.analysis.requirements import Capabilities, known_metric
from paretune.analysis.rows import rows_of
from paretune.analysis.selection import choose_view
from paretune.spec import InputError
from paretune.spec.base import Data

ClaimVerdict = Literal["supported", "refuted", "undecided"]
_CLAIM = re.compile(
    r"\s*(?P<first>.+?)\s+(?P<kind>beats|matches)\s+(?P<second>.+?)"
    r"(?:\s+(?:by|within)\s+(?P<points>\d+(?:\.\d+)?)\s+points?)?"
    r"(?:\s+at\s+(?P<share>half|\d+(?:\.\d+)?%)\s+(?:of\s+)?the\s+(?P<cost>[\w ]+?))?\s*",
    re.IGNORECASE,
)
_SHAPES = '"X beats Y", "X beats Y by 2 points" or "X matches Y within 1 point", and after it "at half the memory"'
_COSTS = {"memory": "train_peak_bytes", "checkpoint": "checkpoint_bytes", "step time": "step_seconds"}


class Claim(NamedTuple):
    """What is claimed of two methods."""

    first: str
    second: str
    kind: Literal["beats", "matches"]
    margin: float
    """As a share: beats by more than this, or matches when it is behind by less than this."""
    cost: str | None = None
    """A metric of which the first needs at most `cost_share` of what the second needs, where that is claimed too."""
    cost_share: float = 1.0


class Judgement(Data):
    """What the records say about a claim."""

    claim: str
    verdict: ClaimVerdict
    reason: str
    """Why, in a sentence."""
    p_value: float
    """Of the claim's opposite, corrected by Bonferroni's factor where there was a family: small supports the claim."""
    checks: tuple[Check, ...]
    comparison: Comparison


def parse_claim(text: str) -> Claim:
    """Return the claim that a sentence makes. Raises `InputError` when it has another form."""
    match = _CLAIM.fullmatch(text)
    if match is None:
        raise InputError(f'"{text}": not a claim that can be judged; write {_SHAPES}')
    kind: Literal["beats", "matches"] = "beats" if match["kind"].lower() == "beats" else "matches"
    if kind == "matches" and match["points"] is None:
        raise InputError(f'"{text}": say within how many points, which belongs to the claim: write {_SHAPES}')
    claim = Claim(match["first"], match["second"], kind, float(match["points"] or 0) / 100)
    if match["cost"] is None:
        return claim
    cost = known_metric(_COSTS.get(match["cost"].lower(), match["cost"]), f'"{text}"')
    share = 0.5 if match["share"].lower() == "half" else float(match["share"].rstrip("%")) / 100
    return claim._replace(cost=cost, cost_share=share)


def judge_claim(
    evidence: Evidence, text: str, *, known: Capabilities | None = None, task: str | None = None
) -> Judgement:
    """Return the verdict on a claim. Raises `InputError` as `claim` does.

    Supported: the statistics support it and every point of the protocol is met. Refuted: they support its opposite, a
    failed protocol or not, since a method that loses under a protocol in its favour still loses. Undecided otherwise.
    """
    claim = parse_claim(text)
    view = choose_view(rows_of(evidence.records), task)
    comparison, difference = compare_rows(evidence, view, claim.first, claim.second, known)
    pair = [view.find(claim.first), view.find(claim.second)]
    checks = checklist(view, pair, known or {})
    if claim.cost is not None:
        checks.append(cost_check(view, pair, claim.cost, claim.cost_share))
    supports, opposes = _p_values(claim, comparison, difference)
    open_points = [check for check in checks if check.passed is not True]
    verdict: ClaimVerdict = "undecided"
    dearer = next((check for check in checks if check.point == "cost" and check.passed is False), None)
    if opposes < SIGNIFICANCE:
        verdict, reason = "refuted", _refuted(claim, comparison)
    elif dearer is not None:
        verdict, reason = "refuted", f"The cost is not as claimed: {dearer.finding}."
    elif supports >= SIGNIFICANCE:
        reason = comparison.sentence if claim.kind == "beats" and not claim.margin else _open(claim, comparison)
    elif open_points:
        unmet = ", ".join(check.point for check in open_points)
        reason = f"{_says(claim, comparison)}: the figures speak for it, but the protocol is not met ({unmet})."
    else:
        verdict, reason = "supported", f"{_says(claim, comparison)}, and every point of the protocol is met."
    return Judgement(
        claim=text, verdict=verdict, reason=reason, p_value=supports, checks=tuple(checks), comparison=comparison
    )


def _p_values(claim: Claim, comparison: Comparison, difference: Difference) -> tuple[float, float]:
    """Return the p-values that speak for the claim and for its opposite, each small where it speaks loudly.

    "Beats" without a margin is the two-sided test corrected by Holm. With a margin, and for "matches", the tests are
    one-sided, and multiplied by the number of methods that could have been claimed about (Bonferroni).
    """
    if claim.kind == "beats" and not claim.margin:
        p_value = comparison.p_value_holm
        return (p_value, 1.0) if difference.value > 0 else (1.0, p_value)
    least = claim.margin if claim.kind == "beats" else -claim.margin
    flipped = difference._replace(centre=-difference.centre)
    factor = comparison.num_comparisons
    return min(1.0, factor * p_above(difference, least)), min(1.0, factor * p_above(flipped, -least))


def _says(claim: Claim, comparison: Comparison) -> str:
    low, high = comparison.interval
    seen = f"{100 * comparison.difference:+.1f} points, 95% interval {100 * low:+.1f} to {100 * high:+.1f}"
    return f"{claim.first} against {claim.second}: {seen}"


def _refuted(claim: Claim, comparison: Comparison) -> str:
    opposite = {
        "beats": f"not ahead by {100 * claim.margin:g} points" if claim.margin else "it is behind",
        "matches": f"it is behind by more than {100 * claim.margin:g} points",
    }[claim.kind]
    return f"{_says(claim, comparison)}: {opposite}."


def _open(claim: Claim, comparison: Comparison) -> str:
    wanted = "by more than" if claim.kind == "beats" else "within"
    return f"{_says(claim, comparison)}: the data cannot tell whether {wanted} {100 * claim.margin:g} points."
