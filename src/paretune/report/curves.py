"""Response curves of a tuned study: every setting that was tried, and which one was chosen. The same in terminal, JSON
and page."""

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

from paretune.analysis.statistics.tuning_budget import expected_best
from paretune.report.format import MISSING, plain, rate, show
from paretune.report.wording import outcome_name
from paretune.spec import METRICS, Metric, Record, Search, StudyPlan, by_id
from paretune.spec.tuning import VALIDATION_LOSS
from paretune.tune import Choice, Chosen, NothingChosen, Point, choose, first_bounds, points_of, step_of


class Curve(NamedTuple):
    """What one method tried on one task."""

    task: str
    method: str
    search: Search
    points: tuple[Point, ...]
    """By rate."""
    choice: Choice | None
    """None while the task is still being tuned."""

    @property
    def best(self) -> Point | None:
        """The chosen point, if there is one."""
        return self.choice.point if isinstance(self.choice, Chosen) else None


def curves_of(records: Sequence[Record], plan: StudyPlan) -> list[Curve]:
    """Return a curve for each search of the plan, in its order."""
    results = by_id(record for record in records if record.finished)
    names = {record.trial.task.content_hash: record.trial.task.name for record in records}
    complete = all(
        trial_id in results for search in plan.searches for one in search.candidates for trial_id in one.all_trial_ids
    )
    curves = []
    for search in plan.searches:
        points = points_of(search, plan.tuning.choose_by, results)
        choice = choose(search, points, plan.tuning, plan.metric) if complete else None
        curves.append(
            Curve(names.get(search.task, search.task), search.method, search, tuple(points), choice)
        )  # fmt: skip
    return curves


def steps_of(curves: Sequence[Curve]) -> list[int]:
    """Return the steps from the default rate at which methods were tried: one grid serves all methods of a task."""
    if not curves:
        return []
    return list(range(min(curve.search.low for curve in curves), max(curve.search.high for curve in curves) + 1))


def point_at(curve: Curve, step: int, plan: StudyPlan) -> Point | None:
    """Return the best point whose rate belongs to a step, one without a value if no other is there."""
    per_decade = plan.tuning.per_decade
    inside = [
        point
        for point in curve.points
        if math.floor(step_of(point.candidate.learning_rate, curve.search.prior, per_decade) + 0.5) == step
    ]
    sign = plan.metric.sign
    return min(inside, key=lambda point: math.inf if point.figure is None else -sign * point.figure, default=None)


def step_name(step: int, per_decade: int) -> str:
    """Return a step as a factor on the default rate: "÷3.2", "×1", "×1.8"."""
    if step == 0:
        return "×1"
    return f"{'×' if step > 0 else '÷'}{10 ** (abs(step) / per_decade):.2g}"


def figure_text(point: Point, metric: Metric) -> str:
    """Return a point's value, or how its trials ended, or a dash while they have not."""
    if point.figure is not None:
        return show(metric, point.figure)
    if point.early is not None:
        return f"({show(METRICS[VALIDATION_LOSS], point.early)})"
    bad = [outcome for outcome in point.outcomes if outcome.kind != "ok"]
    return outcome_name(bad[0]) if bad else "no value" if point.outcomes else "–"


def expected_figures(curve: Curve, plan: StudyPlan) -> list[float]:
    """Return the value that is expected of the best of 1, 2, ... settings picked at random from those tried.

    How fast it settles says how much tuning a method needs. Empty while no setting has a value, and where some were
    not trained to the end.
    """
    if plan.tuning.halving is not None:
        return []
    sign = plan.metric.sign
    tried = [point for point in curve.points if point.outcomes]
    if all(point.figure is None for point in tried):
        return []
    scores = [None if point.figure is None else sign * point.figure for point in tried]
    return [sign * score for score in expected_best(scores)]


def expected_text(curve: Curve, plan: StudyPlan) -> str:
    """Return the expected values with one, three and all settings, as "1.42 → 0.51 → 0.25"."""
    figures = expected_figures(curve, plan)
    budgets = sorted({budget for budget in (1, 3, len(figures)) if 0 < budget <= len(figures)})
    return " → ".join(show(plan.metric, figures[budget - 1]) for budget in budgets) or MISSING


def choice_text(curve: Curve) -> str:
    """Return what was chosen, and what a reader must know about it."""
    if curve.choice is None:
        return "not chosen yet"
    if not isinstance(curve.choice, Chosen):
        return f"none: {_outcomes_text(curve.choice)}"
    text = ", ".join([rate(curve.choice.point.candidate.learning_rate), *parameter_texts(curve.choice.point)])
    return text if curve.choice.edge is None else f"{text} ({curve.choice.edge} edge)"


def _outcomes_text(choice: NothingChosen) -> str:
    return ", ".join(f"{number} {kind.replace('_', ' ')}" for kind, number in choice.outcomes.items())


def parameter_texts(point: Point) -> list[str]:
    """Return the tuned parameters of a point, as "r = 16"."""
    return [plain(f"{name} = {value}") for name, value in point.candidate.parameters.items()]


def caption(plan: StudyPlan) -> str:
    """Return how every method was tuned, in one or two sentences."""
    tuning = plan.tuning
    seeds = ", ".join(map(str, tuning.seeds))
    spacing = f"{10 ** (1 / tuning.per_decade):.2g}"
    widened = _widened(plan)
    how = (
        f"learning rates, spaced by a factor of {spacing}{'' if widened else ' around its default'}"
        if tuning.sampler == "grid"
        else f"settings drawn by {tuning.sampler} around its default learning rate"
    )
    budgets = {len(search.candidates) for search in plan.searches}
    budget = "/".join(map(str, sorted(budgets)))
    figure = plan.metric.words
    text = f"Every method tried {budget} {how}, and was judged by {figure} on validation data (seed {seeds}).{widened}"
    text += _halving_text(plan)
    if figure == METRICS["validation_loss"].words:
        text += " The results show the mean over the seeds of the final trials, so their validation losses differ."
    if tuning.recipe:
        departures = ", ".join(f"{name} = {value}" for name, value in tuning.recipe.items())
        text += f" The recipe of tuning trials differs: {departures}."
    return plain(text)


def _halving_text(plan: StudyPlan) -> str:
    """Return which settings were not trained to the end, in a sentence; nothing without halving."""
    halving = plan.tuning.halving
    if halving is None:
        return ""
    points = " and ".join(f"{share:.0%}" for share in halving.after)
    return (
        f" After {points} of the steps the best {halving.keep:.0%} of them by validation loss were trained to the end; "
        "the validation loss of the others at that point is in brackets."
    )


def _widened(plan: StudyPlan) -> str:
    """Return how far the grid was widened on either side, in a sentence; nothing where it was not."""
    first, why = first_bounds(plan.tuning), "because the best one of some method was at the edge"
    added = {(first.low - search.low, search.high - first.high) for search in plan.searches}
    if added <= {(0, 0)}:
        return ""
    if plan.tuning.sampler != "grid" or len(added) > 1:
        return f" Learning rates were added on a side, for all methods of a task, {why}."
    below, above = added.pop()
    sides = " and ".join(f"{number} {side}" for number, side in ((below, "lower"), (above, "higher")) if number)
    were = "one was" if below + above == 1 else "ones were"
    return f" The first {plan.tuning.rates} lie around its default; {sides} {were} added for all methods, {why}."


def curve_notes(curves: Sequence[Curve]) -> list[str]:
    """Return what the choice could not settle: methods at an edge, and methods without any setting that ended well."""
    notes = []
    edges = [curve for curve in curves if isinstance(curve.choice, Chosen) and curve.choice.edge]
    if edges:
        names = ", ".join(f"{plain(curve.method)} ({curve.choice.edge})" for curve in edges if curve.choice)
        notes.append(f"Best learning rate at the edge of the widest grid, a better one may lie beyond: {names}.")
    for curve in curves:
        if isinstance(curve.choice, NothingChosen):
            reason = f"no setting finished ({_outcomes_text(curve.choice)})"
            notes.append(f"{plain(curve.method)}: no final trial, since {reason}.")
    return notes


def curves_json(curves: Sequence[Curve], plan: StudyPlan) -> dict[str, Any]:
    """Return the curves as plain JSON values."""
    return {"settings": plan.tuning.model_dump(mode="json"), "curves": [_curve_json(curve, plan) for curve in curves]}


def _curve_json(curve: Curve, plan: StudyPlan) -> dict[str, Any]:
    choice, best = curve.choice, curve.best
    return {
        "task": curve.task,
        "method": curve.method,
        "prior": curve.search.prior,
        "points": [
            {
                "learning_rate": point.candidate.learning_rate,
                "parameters": point.candidate.parameters,
                "trial_ids": list(point.candidate.all_trial_ids),
                "figure": point.figure,
                "early_figure": point.early,
                "outcomes": [outcome.kind for outcome in point.outcomes],
            }
            for point in curve.points
        ],
        "chosen": None
        if best is None
        else {"learning_rate": best.candidate.learning_rate, "parameters": best.candidate.parameters},
        "edge": choice.edge if choice is not None else None,
        "expected_best": expected_figures(curve, plan),
        "text": choice_text(curve),
    }
