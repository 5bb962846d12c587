"""Everything that can be said about a study's methods, and which two statements contradict each other."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import permutations

import pytest

from paretune.analysis import Evidence, judged_rows
from paretune.analysis.decisions.checklist import support_notes
from paretune.analysis.decisions.claim import Judgement, judge_rows
from paretune.analysis.decisions.compare import compare_rows
from paretune.analysis.decisions.comparison import Comparison
from paretune.analysis.decisions.front import Front, front_of
from paretune.analysis.decisions.recommend import recommend_from
from paretune.analysis.decisions.recommendation import Recommendation
from paretune.analysis.decisions.requirements import Capabilities
from paretune.analysis.statistics import bootstrap
from paretune.analysis.table.comparable import same_conditions
from paretune.analysis.table.comparison_set import make_comparison_set
from paretune.analysis.table.rows import Row, rows_of
from paretune.analysis.table.selection import View, choose_view
from paretune.spec import COSTS

CLAIMS = ("{} beats {}", "{} beats {} by 2 points", "{} matches {} within 2 points")
MARGIN = 0.02


@dataclass(frozen=True)
class Said:
    """All statements about the methods of one task and split."""

    view: View
    rows: Mapping[str, Row]
    """As table and page show them."""
    notes: tuple[str, ...]
    comparisons: Mapping[tuple[str, str], Comparison]
    claims: Mapping[tuple[str, str, str], Judgement]
    recommendation: Recommendation
    fronts: Mapping[str, Front]
    """By cost."""
    whole_front: Front
    """Over all costs that the methods may be compared in."""
    known: Capabilities


@contextmanager
def few_draws(number: int = 300) -> Iterator[None]:
    """Let the bootstrap make fewer draws: probabilities get rougher, and whether statements agree does not change."""
    functions = (bootstrap.two_way_bootstrap, bootstrap.independent_draws, bootstrap.side_by_side, bootstrap.seed_draws)
    with pytest.MonkeyPatch.context() as patch:
        for function in functions:
            patch.setattr(function, "__defaults__", (number,))
        yield


def everything_said(evidence: Evidence, known: Capabilities, *, claims_of_every: int = 1) -> Said:
    """Return every statement, as the functions behind commands, table and page make them.

    `claims_of_every` 7 leaves claims to every seventh pair, where there are thousands.
    """
    view = choose_view(rows_of(evidence.records), study=evidence.study)
    compared = make_comparison_set(view.rows, evidence.answers)
    final = [record for record in evidence.records if record.trial.split == view.split]
    judged = judged_rows(final, evidence.answers, evidence.records)
    shown = {view.name_of(row): row for row in judged if (row.task, row.split) == (view.task, view.split)}
    names = [name for name, row in shown.items() if compared is not None and compared.find(row) is not None]
    lone = {name for name in names if shown[name].standing is None}
    pairs = [pair for pair in permutations(names, 2) if not lone & set(pair)]
    quality = view.main_metric.name
    costs = [cost for cost in COSTS if any(cost in row.fronts for row in shown.values())]
    comparable = [
        cost
        for cost in COSTS
        if same_conditions([one for row in view.rows for one in row.records], cost)
        and all(cost in shown[name].metrics for name in names if shown[name].records[0].trial.method.trains)
    ]
    return Said(
        view=view,
        rows=shown,
        notes=tuple(support_notes(list(shown.values()), known)),
        comparisons={pair: compare_rows(view, compared, *pair, known)[0] for pair in pairs},
        claims={
            (shape, *pair): judge_rows(view, compared, shape.format(*pair), known)
            for one, two in pairs[::claims_of_every]
            for pair in ((one, two), (two, one))
            for shape in CLAIMS
        },
        recommendation=recommend_from(evidence, known=known, across=True),
        fronts={cost: front_of(evidence, (quality, cost), across=True) for cost in costs},
        whole_front=front_of(evidence, (quality, *comparable), across=True),
        known=known,
    )


def contradictions(said: Said) -> list[str]:
    """Return every pair of statements that contradict each other, in words."""
    return [
        *_of_pairs(said),
        *_of_ranks(said),
        *_of_claims(said),
        *_of_recommendations(said),
        *_of_baselines(said),
        *_of_fronts(said),
    ]


def _behind(said: Said, name: str) -> list[str]:
    """Return the methods that a comparison calls better than this one, as a claim or in these runs."""
    return [two for (one, two), found in said.comparisons.items() if one == name and found.verdict in _LOSES]


_LOSES, _CLAIMED = {"worse", "behind"}, {"better", "worse"}
_TURNED = {"better": "worse", "worse": "better", "ahead": "behind", "behind": "ahead", "undecided": "undecided"}


def _of_pairs(said: Said) -> Iterator[str]:
    for (one, two), found in said.comparisons.items():
        turned = said.comparisons[two, one]
        if found.verdict != _TURNED[turned.verdict]:
            yield f"compare {one} {two}: {found.verdict}, and turned round: {turned.verdict}"
        if (found.verdict in _CLAIMED) and found.no_claim_because:
            yield f"compare {one} {two}: {found.verdict}, and no claim"
        if found.verdict in {"better", "ahead"} and found.gain <= 0:
            yield f"compare {one} {two}: {found.verdict} by {found.gain}"
        if found.p_value_adjusted < found.p_value - 1e-12:
            yield f"compare {one} {two}: surer among all than alone"
        trained = found.first.trains or found.second.trains
        if found.verdict in _CLAIMED and trained and any(note.startswith("These results") for note in said.notes):
            yield f"compare {one} {two}: {found.verdict}, and the table says that there is no claim"
        if found.verdict in {"ahead", "behind"} and not said.notes:
            yield f"compare {one} {two}: {found.verdict}, and the table has no note on claims"


def _of_ranks(said: Said) -> Iterator[str]:
    standings = {name: row.standing for name, row in said.rows.items() if row.standing is not None}
    for name, standing in standings.items():
        better = _behind(said, name)
        worse = [one for (one, two), found in said.comparisons.items() if two == name and found.verdict in _LOSES]
        if standing.tied_for_best != (not better):
            yield f"{name}: tied for best is {standing.tied_for_best}, and compare calls {better} better"
        if (standing.place.low, standing.place.high) != (1 + len(better), len(standings) - len(worse)):
            yield f"{name}: ranks {standing.place.low} to {standing.place.high}, with {better} better, {worse} worse"
        if not standing.place.low <= standing.place.rank <= standing.place.high:
            yield f"{name}: rank {standing.place.rank} outside its set"


def _of_claims(said: Said) -> Iterator[str]:
    verdicts = {"better": "supported", "worse": "refuted"}
    for (one, two), compared in said.comparisons.items():
        if (CLAIMS[0], one, two) not in said.claims:
            continue
        beats, by, matches = (said.claims[shape, one, two].verdict for shape in CLAIMS)
        turned = said.claims[CLAIMS[2], two, one].verdict
        where = f"{one} and {two}: compare says {compared.verdict}"
        if beats != verdicts.get(compared.verdict, "undecided"):
            yield f"{where}, claim says {beats}"
        if compared.no_claim_because and {by, matches} != {"undecided"}:
            yield f"{where} and no claim, claims say {by}, {matches}"
        if (by == "supported" and beats != "supported") or (beats == "refuted" and by != "refuted"):
            yield f"{where}, beats is {beats}, by a margin {by}"
        if (matches == "refuted" and beats != "refuted") or (beats == "supported" and matches != "supported"):
            yield f"{where}, beats is {beats}, matches is {matches}"
        if (by == "supported") != (turned == "refuted"):
            yield f"{where}, beats by a margin is {by}, the other matches is {turned}"
        if compared.within < MARGIN - 1e-9 and by != "refuted" and not compared.no_claim_because:
            yield f"{where}, equally good within {compared.within}, beats by a margin is {by}"
        if compared.within < MARGIN - 1e-9 and matches != "supported" and not compared.no_claim_because:
            yield f"{where}, equally good within {compared.within}, matches is {matches}"


def _of_recommendations(said: Said) -> Iterator[str]:
    found, sign = said.recommendation, said.view.main_metric.sign
    candidates = {one.name: one for one in (*found.shortlist, *found.others)}
    claimed = [
        pair
        for pair, compared in said.comparisons.items()
        if set(pair) <= candidates.keys() and compared.verdict in _CLAIMED
    ]
    if found.no_claim_because and claimed:
        yield f"recommend: no claim, and compare makes one of {claimed}"
    for name, one in candidates.items():
        better = [other for other in _behind(said, name) if other in candidates]
        if (one.worse_than is None) != (not better):
            yield f"recommend: {name} is worse than {one.worse_than}, and compare calls {better} better"
        if one.worse_than is not None:
            compared = said.comparisons[name, one.worse_than]
            if compared.no_claim_because != one.no_claim_because:
                yield f"recommend: {name} and {one.worse_than}: {one.no_claim_because}, compare says otherwise"
            if compared.verdict not in _LOSES:
                yield f"recommend: {name} is worse than {one.worse_than}, compare says {compared.verdict}"
        if one.outdone_by is not None and sign * candidates[one.outdone_by].value < sign * one.value:
            yield f"recommend: {name} is outdone by {one.outdone_by}, which is less good"
        if one.outdone_by is None and one.worse_than is None and one not in found.shortlist:
            yield f"recommend: {name} is tied, not on the short list, and outdone by none"
    next_up = found.next_experiment
    named = [candidates[name] for name in ((next_up.first, next_up.second) if next_up else ())]
    for one in (*named, *found.shortlist):
        if one.worse_than is not None:
            yield f"recommend: {one.name} is worse than {one.worse_than}, and to be used or run again"


def _of_baselines(said: Said) -> Iterator[str]:
    for one in said.recommendation.shortlist:
        below = {two for (name, two), compared in said.comparisons.items() if name == one.name and compared.gain > 0}
        for two in (other for other in below if not said.rows[other].trains and one.trains):
            told = said.comparisons[one.name, two].verdict in {"better", "ahead"}
            if (two in one.not_shown_above) == told:
                yield f"recommend: {one.name} not shown above {one.not_shown_above}, compare {two}: shown is {told}"


def _of_fronts(said: Said) -> Iterator[str]:
    out = {one.name for one in said.recommendation.ruled_out if any(r.kind == "not above base" for r in one.reasons)}
    ended = {name for name, row in said.rows.items() if row.outcome.kind == "ok"}
    trained = {name for name in ended if said.rows[name].records[0].trial.method.trains}
    if out & trained != {name for name in ended if said.rows[name].below_floor}:
        yield f"recommend leaves out {out}, the table's fronts others"
    for name in out:
        for (one, two), compared in said.comparisons.items():
            base = not said.rows[two].records[0].trial.method.trains
            if one == name and base and compared.verdict in {"better", "ahead"} and len(_bases(said)) == 1:
                yield f"{name} is left out as not above the base, and compare says {compared.verdict}"
    for cost, front in said.fronts.items():
        for point in front.points:
            row = said.rows[point.name]
            if point.on_front != (cost in row.fronts):
                yield f"{point.name}: on the front of {cost} is {point.on_front}, in the table otherwise"
            if point.left_out != row.below_floor:
                yield f"{point.name}: left out of the front of {cost} is {point.left_out}"
            shown = row.standing.front_probabilities.get(cost) if row.standing else None
            if shown is not None and shown != pytest.approx(point.probability, abs=1e-9):
                yield f"{point.name}: on the front of {cost} with {point.probability}, in the table with {shown}"
    whole = {point.name: point for point in said.whole_front.points}
    for first in said.recommendation.shortlist[:1]:
        if first.trains and not whole[first.name].on_front:
            yield f"{first.name} is recommended first, and not on the front of all metrics"


def _bases(said: Said) -> list[str]:
    return [name for name, row in said.rows.items() if not row.records[0].trial.method.trains]
