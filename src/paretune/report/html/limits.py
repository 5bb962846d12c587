"""What the page needs to recommend under the limits that its reader sets, and the section where they are set."""

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from paretune.analysis import Answers, Row
from paretune.analysis.decisions.capabilities import known_capabilities
from paretune.analysis.decisions.recommendation import Recommendation
from paretune.analysis.decisions.requirements import Capabilities
from paretune.analysis.decisions.rules import Rules, rules_of
from paretune.analysis.table.scored import main_metric
from paretune.analysis.table.selection import MEMORY, View, first_measured
from paretune.report.decisions import LIKELY, capability_text, experiment_text, least_text, tied_though_likely
from paretune.report.format import plain, probability
from paretune.report.html.page_table import view_key
from paretune.report.measured import retention_of
from paretune.spec import CLAIMS, COSTS, Record, Study

FIRST_NEEDS = ("mergeable", "servable_by_vllm")
"""Capabilities with a switch that is seen at once; those of the other checks are folded."""


def limited_metrics(rows: Sequence[Row]) -> list[str]:
    """Return the metrics that have a slider: the main ones, memory, step time, sizes and forgetting."""
    costs = (first_measured(rows, MEMORY), "checkpoint_bytes", "step_seconds", *retention_of(rows))
    names = dict.fromkeys([*(main_metric([row]).name for row in rows), *costs, "trainable_parameters"])
    return [name for name in names if len({row.metrics[name] for row in rows if name in row.metrics}) > 1]


class FitSource(NamedTuple):
    """One folder's rows, and what a recommendation among them needs."""

    rows: Sequence[Row]
    answers: Answers
    records: Sequence[Record]
    study: Study

    @property
    def known(self) -> Capabilities:
        """What audits say of the methods."""
        return known_capabilities(self.records)


def capability_names(sources: Sequence[FitSource]) -> dict[str, str]:
    """Return the capabilities that an audit has looked at for any trained row, in words, the usual ones first."""
    seen = set()
    for source in sources:
        known = source.known
        methods = {row.method for row in source.rows if row.records[0].trial.method.trains}
        seen |= {name for name in CLAIMS if any(known.get(method, {}).get(name) is not None for method in methods)}
    order = sorted((name for name in CLAIMS if name in seen), key=lambda name: name not in FIRST_NEEDS)
    return {name: capability_text(name) for name in order}


def limits_data(rows: Sequence[Row], sources: Sequence[FitSource], names: Mapping[str, str]) -> dict[str, Any]:
    """Return what the script applies limits to. Lists by row are in the order of `rows`, those of a view are by key."""
    number = {row.trial_ids: place for place, row in enumerate(rows)}
    by_row: dict[str, list[Any]] = {
        "name": [plain(row.method) for row in rows],
        "place": [None] * len(rows),
        "lone": [0] * len(rows),
    }
    able: dict[str, list[int | None]] = {name: [None] * len(rows) for name in names}
    views: dict[str, Any] = {}
    for source in sources:
        known = source.known
        for row in source.rows:
            for name in names:
                has = known.get(row.method, {}).get(name)
                able[name][number[row.trial_ids]] = None if has is None else int(has)
        for key in dict.fromkeys((row.task, row.split) for row in source.rows):
            found = tuple(row for row in source.rows if (row.task, row.split) == key)
            view = View(*key, found, source.study)
            rules = rules_of(view, source.answers, known)
            if rules is None:
                continue
            views[view_key(*key)] = _view_data(view, rules)
            for row, name, place, lone in zip(found, rules.names, rules.places, rules.lone, strict=True):
                here = number[row.trial_ids]
                by_row["name"][here], by_row["place"][here], by_row["lone"][here] = plain(name), place, int(lone)
    return {
        **by_row,
        "trains": [int(row.records[0].trial.method.trains) for row in rows],
        "outcome": [row.outcome.kind for row in rows],
        "able": able,
        "views": views,
    }


def _view_data(view: View, rules: Rules) -> dict[str, Any]:
    return {
        "task": plain(view.task.removeprefix(f"{view.study.name}: ") if view.study else view.task),
        "split": view.split,
        "better": rules.better,
        "costs": [{"name": cost, "least": least_text(cost)} for cost in rules.costs],
        "all_costs": [cost for cost in COSTS if any(cost in row.metrics for row in view.rows)],
        "baselines": [{"name": plain(one.name), "value": one.value} for one in rules.baselines],
        "across": bool(rules.conflicts),
        "conflicts": list(map(plain, rules.conflicts)),
        "unlimited": _unlimited(rules.unlimited),
    }


def _unlimited(found: Recommendation) -> dict[str, Any]:
    """Return what the script cannot compute anew for other limits, as it stands without any."""
    several = len(found.admissible) > 1
    items = found.main_metric_of(found.shortlist[0]).items if found.shortlist else ""
    return {
        "best": {
            plain(one.name): probability(one.probability_best)
            for one in found.shortlist
            if several and math.isfinite(one.probability_best)
        },
        "next": plain(experiment_text(found.next_experiment, items)) if found.next_experiment else "",
        "no_claim": plain(found.no_claim_because),
        "likely": _likely(found),
    }


def _likely(found: Recommendation) -> str:
    """Return why the best as measured is only tied for best, where it is likely to be the best."""
    ties = len(found.shortlist) + sum(one.worse_than is None for one in found.others)
    share = found.shortlist[0].probability_best if ties > 1 else 0.0
    return tied_though_likely(share) if share >= LIKELY else ""
