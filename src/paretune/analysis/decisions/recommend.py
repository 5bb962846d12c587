"""Which method to use, given what a person needs."""

import math
from collections.abc import Mapping, Sequence
from typing import Literal

from paretune.analysis.decisions.checklist import checklist
from paretune.analysis.decisions.choice import Choice
from paretune.analysis.decisions.objective import check_weights
from paretune.analysis.decisions.phrases import lone_value
from paretune.analysis.decisions.protocol import refuse_conflicts
from paretune.analysis.decisions.recommendation import Candidate, Experiment, Merit, Recommendation, RuledOut
from paretune.analysis.decisions.requirements import Capabilities, Limit, Reason, check_capabilities, unmet
from paretune.analysis.statistics.sample_size import needed
from paretune.analysis.table.comparable import judge_notes, same_conditions
from paretune.analysis.table.comparison_set import ComparisonSet, make_comparison_set
from paretune.analysis.table.evidence import Evidence
from paretune.analysis.table.floor import Baseline, baselines, not_beaten
from paretune.analysis.table.rows import Row, rows_of
from paretune.analysis.table.selection import View, choose_view
from paretune.analysis.table.study_cost import study_cost
from paretune.spec import COSTS, METRICS, InputError, Metric


def recommend_from(
    evidence: Evidence,
    *,
    limits: Sequence[Limit] = (),
    capabilities: Sequence[str] = (),
    weights: Mapping[str, float] | None = None,
    known: Capabilities | None = None,
    task: str | None = None,
    split: str | None = None,
    across: bool = False,
) -> Recommendation:
    """Return the recommendation. Raises `InputError` as `recommend` does.

    The answer does not depend on the order of the records. Tied for best is judged among the admissible methods alone.
    """
    check_capabilities(capabilities, "capabilities")
    view = choose_view(rows_of(evidence.records), task, split, evidence.study)
    objective = check_weights(weights or {view.main_metric.name: 1.0}, "the objective", view.table)
    conflicts = refuse_conflicts(view, [*objective, *(limit.metric for limit in limits)], across=across)
    compared = make_comparison_set(view.rows, evidence.answers, with_unscored=True)
    if compared is None:
        raise InputError(f"no method has a result on {view.task}; run the study first")
    found = recommend_among(view, compared, objective, limits=limits, capabilities=capabilities, known=known or {})
    return found.model_copy(update={"notes": (*judge_notes(evidence.records), *conflicts, *found.notes)})


def recommend_among(
    view: View,
    compared: ComparisonSet,
    objective: Mapping[str, float],
    *,
    limits: Sequence[Limit] = (),
    capabilities: Sequence[str] = (),
    known: Capabilities,
) -> Recommendation:
    """Return the recommendation for the rows of a view. `compared` are those that ended well, also without a score."""
    quality, to_beat = view.main_metric.name, baselines(view.rows)
    reasons = {
        view.name_of(row): unmet(row, limits, capabilities, known)
        + _no_objective(row, compared, [*objective])
        + _not_above_base(row, view.main_metric, to_beat, limits, [*objective])
        for row in view.rows
    }
    ruled_out = [RuledOut(name=name, reasons=tuple(found)) for name, found in sorted(reasons.items()) if found]
    admissible = tuple(place for place, row in enumerate(compared.rows) if not reasons[view.name_of(row)])
    costs = comparable_costs(compared)
    choice = Choice(view, compared, admissible, objective, tuple(limits), costs, known)
    candidates = choice.candidates()
    shortlist = [
        one.model_copy(update={"not_shown_above": choice.not_shown_above(one)}) if one.trains else one
        for one in _shortlist(candidates, costs, list(objective))
    ]
    return Recommendation(
        task=view.task,
        split=view.split,
        weights=dict(objective),
        limits=tuple(limits),
        capabilities=tuple(capabilities),
        scored=view.unusual_metrics,
        shortlist=tuple(shortlist),
        others=_others(candidates, shortlist, costs, list(objective)),
        ruled_out=tuple(ruled_out),
        next_experiment=_next_experiment(view, compared, candidates) if list(objective) == [quality] else None,
        no_claim_because=choice.no_claim(candidates),
        notes=(*_notes(view, compared, admissible, costs), *_lone_notes(compared, objective)),
    )


def _no_objective(row: Row, compared: ComparisonSet, objective: Sequence[str]) -> list[Reason]:
    """Return a reason for each part of the objective that a row which ended well has no value for.

    A main metric that nothing says how sure it is cannot be told from another's, so its uncertainty is missing.
    """
    place = compared.find(row)
    if place is None:
        return []
    missing = [name for name in objective if not math.isfinite(row.metrics.get(name, math.nan))]
    if compared.quality in objective and compared.is_lone(place):
        missing.append(f"uncertainty of {compared.main_metric.words}")
    return [Reason(kind="not measured", requirement=name) for name in missing]


def _not_above_base(
    row: Row, main: Metric, to_beat: Sequence[Baseline], limits: Sequence[Limit], objective: Sequence[str]
) -> list[Reason]:
    """Return a reason where a baseline is as good, unless the limits say how good is good enough.

    What trains no base model is there to compare with by the main metric. Where a cost counts, it is no answer.
    """
    bound: Literal["at most", "at least"] = "at most" if main.lower_is_better else "at least"
    own_floor = any(limit.metric == main.name and limit.bound == bound for limit in limits)
    if own_floor or row.outcome.kind != "ok":
        return []
    if not row.records[0].trial.method.trains:
        costs = any(name in COSTS for name in objective)
        return [Reason(kind="does not train", requirement="training")] if costs else []
    return [
        Reason(
            kind="not above base",
            requirement=main.name,
            value=row.metrics[main.name],
            limit=Limit(metric=main.name, bound=bound, value=one.value),
            baseline=one.name,
        )
        for one in not_beaten(row, main, to_beat)
    ]


def comparable_costs(compared: ComparisonSet) -> list[str]:
    """Return the costs that were measured under the same conditions in all rows."""
    records = [record for row in compared.rows for record in row.records]
    return [cost for cost in COSTS if same_conditions(records, cost)]


def _shortlist(candidates: Sequence[Candidate], costs: Sequence[str], objective: Sequence[str]) -> list[Candidate]:
    """Return the best candidate and those tied with it that need clearly less of some cost than each better one."""
    tied = [one for one in candidates if one is candidates[0] or one.worse_than is None]
    counted = [cost for cost in costs if cost not in objective]
    shared = [cost for cost in counted if all(one.need(cost) is not None for one in tied)]
    shortlist: list[Candidate] = []
    for one in tied:
        if not all(_needs_less(one, better, counted) for better in shortlist):
            continue
        least = [cost for cost in shared if cost in one.metrics and _is_least(cost, one, tied)]
        merits = [Merit(kind="tied for best" if shortlist else "best")]
        merits += [Merit(kind="least cost", metric=cost) for cost in least if len(tied) > 1]
        shortlist.append(one.model_copy(update={"merits": tuple(merits)}))
    return shortlist


def _needs_less(candidate: Candidate, other: Candidate, costs: Sequence[str]) -> bool:
    """Tell whether a candidate needs clearly less of some cost than another."""
    return any(candidate.needs_less(cost, other) for cost in costs)


def _others(
    candidates: Sequence[Candidate], shortlist: Sequence[Candidate], costs: Sequence[str], objective: Sequence[str]
) -> tuple[Candidate, ...]:
    """Return the candidates that are not on the short list, the best first."""
    order, counted = [candidate.name for candidate in candidates], [cost for cost in costs if cost not in objective]
    listed = {candidate.name: order.index(candidate.name) for candidate in shortlist}
    return tuple(
        _outdone(one, [better for better in shortlist if listed[better.name] < place], counted)
        for place, one in enumerate(candidates)
        if one.name not in listed
    )


def _is_least(cost: str, candidate: Candidate, among: Sequence[Candidate]) -> bool:
    """Tell whether a candidate needs less of a cost than all others, but for those that need exactly as much."""
    others = [one for one in among if one.metrics.get(cost, candidate.metrics[cost]) != candidate.metrics[cost]]
    return all(candidate.needs_less(cost, one) for one in others)


def _outdone(candidate: Candidate, better: Sequence[Candidate], costs: Sequence[str]) -> Candidate:
    """Return the candidate with the name of what makes it needless, where it is tied for best all the same.

    `better` are those on the short list that come before it.
    """
    if candidate.worse_than is not None:
        return candidate
    for one in better:
        if not _needs_less(candidate, one, costs):
            return candidate.model_copy(update={"outdone_by": one.name})
    return candidate


def _next_experiment(view: View, compared: ComparisonSet, candidates: Sequence[Candidate]) -> Experiment | None:
    """Return what would tell the best from the one that is most likely to be better than it."""
    tied = [one for one in candidates if one.worse_than is None]
    if len(tied) < 2:
        return None
    first = candidates[0]
    # Of equal ones the better: candidates come best first, and max returns the first.
    second = max((one for one in tied if one.name != first.name), key=lambda one: one.probability_best)
    by_name = {view.name_of(row): place for place, row in enumerate(compared.rows)}
    components = [compared.components[by_name[one.name]] for one in (first, second)]
    rows = [compared.rows[by_name[one.name]] for one in (first, second)]
    trained = [row for row in rows if row.trains]
    points = {check.point: check.passed for check in checklist(view, rows, {})}
    one, other = components
    more = needed(one, other, compared.num_pairs) if one is not None and other is not None else None
    return Experiment(
        first=first.name,
        second=second.name,
        more_questions=more.more_questions if more else None,
        more_seeds=more.more_seeds if more else None,
        times_both=more.times_both if more else None,
        num_seeds=min((len(row.records) for row in trained), default=0),
        trained=tuple(view.name_of(row) for row in trained),
        tuned=points["tuning"] is True,
        seed_seconds=_seed_seconds(trained),
    )


def _seed_seconds(rows: Sequence[Row]) -> float | None:
    """Return the mean seconds of a trial of each row, summed over the rows; None where those of one are not known."""
    costs = [study_cost(row.records) for row in rows]
    known = [cost.seconds / cost.num_trials for cost in costs if cost is not None]
    return sum(known) if known and len(known) == len(rows) else None


def _lone_notes(compared: ComparisonSet, objective: Mapping[str, float]) -> list[str]:
    if compared.quality not in objective or not any(map(compared.is_lone, range(len(compared.rows)))):
        return []
    return [f"Where {lone_value(compared.main_metric)}, its uncertainty is unknown; the results table shows the value."]


def _notes(view: View, compared: ComparisonSet, admissible: Sequence[int], costs: Sequence[str]) -> list[str]:
    notes = []
    if view.split == "validation":
        notes.append("These are results on the validation split, which may have been used to choose settings.")
    trained = [compared.rows[place] for place in admissible if compared.rows[place].records[0].trial.method.trains]
    single = [view.name_of(row) for row in trained if len(row.records) == 1]
    if single:
        notes.append(f"One seed of {', '.join(single)}: seed variance is not included.")
    if any(compared.components[place] is None for place in admissible):
        notes.append("Per-question answers are not available, so comparisons are unpaired.")
    left_out = [cost for cost in COSTS if cost not in costs]
    if left_out:
        labels = ", ".join(METRICS[cost].words for cost in left_out)
        notes.append(f"Not compared, because measured under different conditions: {labels}.")
    return notes
