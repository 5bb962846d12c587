"""What every method of a task tries, round by round: as many settings for each, independent of the results."""

import itertools
import math
from collections.abc import Collection, Mapping, Sequence
from typing import Any, NamedTuple

from paretune.spec import (
    EVERYTHING,
    METRICS,
    Between,
    Candidate,
    InputError,
    Measure,
    Metric,
    Recipe,
    Record,
    Search,
    Trial,
    TunedValues,
    Tuning,
)
from paretune.spec.tuning import VALIDATION_LOSS
from paretune.tune.choose import Choice, Point, choose, point_of, points_of
from paretune.tune.grid import Bounds, first_bounds, rate_at
from paretune.tune.halving import raced
from paretune.tune.sampler import Draw, drawn


class Cell(NamedTuple):
    """One method on one task, before its setting is chosen."""

    template: Trial
    """Its final trial, at the default learning rate."""
    values: Mapping[str, TunedValues]
    """The parameters that are tuned with the rate."""
    tuning_recipe: Recipe

    @property
    def prior(self) -> float:
        """The rate in the middle."""
        assert self.template.learning_rate is not None, "a method that trains has a learning rate"
        return self.template.learning_rate

    def final_trial(self, candidate: Candidate, seed: int) -> Trial:
        """Return the trial that answers the test questions with a setting."""
        method = self.template.method
        changed = method.model_copy(update={"parameters": method.parameters | candidate.parameters})
        return self.template.model_copy(
            update={"method": changed, "learning_rate": candidate.learning_rate, "seed": seed, "measures": EVERYTHING}
        )

    def tuning_trial(self, candidate: Candidate, seed: int, choose_by: str) -> Trial:
        """Return the trial that shows how a setting does on validation data, and measures no more than that."""
        return self.final_trial(candidate, seed).model_copy(
            update={
                "recipe": self.tuning_recipe,
                "split": "validation",
                "skills": (),
                "measures": measures_for_choice(choose_by),
            }
        )

    def trial_at(self, candidate: Candidate, seed: int, tuning: Tuning, rung: int) -> Trial:
        """Return the tuning trial of a setting that ends at a rung; the last rung, the only one without halving, is
        the end of the training."""
        trial = self.tuning_trial(candidate, seed, tuning.choose_by)
        if tuning.halving is None or rung == len(tuning.halving.after):
            return trial
        steps = math.ceil(tuning.halving.after[rung] * trial.recipe.steps)
        recipe = trial.recipe.model_copy(update={"stop_after": steps})
        return trial.model_copy(update={"recipe": recipe, "measures": ()})


class TaskSearch(NamedTuple):
    """How far the tuning of one task has come."""

    rounds: list[list[Trial]]
    """All rounds so far. Only the last can have trials without a result."""
    searches: list[Search]
    """What each cell has tried, and tries in the last round; in the order of the cells."""
    choices: list[Choice]
    """What each cell's records say; empty until the search is complete."""
    num_later: int
    """Trials of further draws from this grid, whose settings depend on results."""
    num_if_wider: int
    """Trials that wider grids can still add at most."""


def measures_for_choice(choose_by: str) -> tuple[Measure, ...]:
    """Return what a tuning trial has to measure in addition to the validation loss, by the selection metric."""
    return () if choose_by == VALIDATION_LOSS else ("answers",)


def metric_of(tuning: Tuning, cells: Sequence[Cell]) -> Metric:
    """Return the selection metric, as the cells' tasks have it."""
    tables = (cell.template.task.table for cell in cells)
    return next((table[tuning.choose_by] for table in tables if tuning.choose_by in table), METRICS[VALIDATION_LOSS])


def search_task(tuning: Tuning, cells: Sequence[Cell], results: Mapping[str, Record]) -> TaskSearch:
    """Return what the cells of one task try, as far as it can be told from the results, by trial id.

    Depends on nothing but its arguments: neither the order of the records nor where a run was stopped matters.
    """
    bounds, metric = first_bounds(tuning), metric_of(tuning, cells)
    draws: list[Draw] = []
    rounds: list[list[Trial]] = []
    asked: set[str] = set()
    for widenings_left in reversed(range(tuning.max_widenings + 1)):
        coming = _draws(tuning, bounds, draws)
        while coming:
            draws.append(coming.pop(0))
            for rung in range(num_rungs(tuning)):
                searches = [_search(tuning, cell, draws, results, rung) for cell in cells]
                rounds.append(_new_trials(tuning, cells, searches, asked, rung))
                asked |= {trial.id for trial in rounds[-1]}
                if any(trial.id not in results for trial in rounds[-1]):
                    num_later = sum(draw.size for draw in coming) * len(cells) * len(tuning.seeds)
                    num_later += _num_on_later_rungs(tuning, searches, rung)
                    wider = _num_if_wider(tuning, cells, draws[-1].bounds, widenings_left)
                    return TaskSearch(rounds, searches, [], num_later, wider)
        choices = [choose(search, points_of(search, tuning.choose_by, results), tuning, metric) for search in searches]
        edges = {choice.edge for choice in choices if choice.edge is not None}
        if not edges:
            break
        bounds = bounds.widened(edges, tuning.widen_by)
    return TaskSearch(rounds, searches, choices, 0, 0)


def check_budget(tuning: Tuning, cells: Sequence[Cell]) -> None:
    """Raise `InputError` when a grid would give one method of a task more settings than another."""
    sizes = {cell.template.method.label: len(_combinations(cell)) for cell in cells} if tuning.trials is None else {}
    if len(set(sizes.values())) > 1:
        most, least = (function(sizes, key=lambda label: sizes[label]) for function in (max, min))
        raise InputError(
            f'method "{most}" would try {sizes[most]} settings at each learning rate and "{least}" {sizes[least]}: '
            "every method gets the same budget, so give each tune the same number of combinations, "
            'or set [tuning] sampler = "tpe" (or random) and trials'
        )


def _draws(tuning: Tuning, bounds: Bounds, earlier: Sequence[Draw]) -> list[Draw]:
    """Return the draws that a new grid needs. A sampler draws as densely beyond the old ends as it did before."""
    if tuning.trials is None:
        return [Draw(bounds, 0)]
    left = tuning.trials
    if earlier:
        last = earlier[-1].bounds
        sides = (bounds.low < last.low) + (bounds.high > last.high)
        left = sides * _sampled_per_side(tuning, tuning.trials)
    at_once = tuning.ask_at_once if tuning.sampler == "tpe" else left
    return [Draw(bounds, min(at_once, left - start)) for start in range(0, left, at_once)]


def _search(tuning: Tuning, cell: Cell, draws: Sequence[Draw], results: Mapping[str, Record], rung: int) -> Search:
    """Return what a cell tries in these draws, of the last one up to a rung."""

    def trial_ids(candidate: Candidate, rung: int) -> tuple[str, ...]:
        return tuple(cell.trial_at(candidate, seed, tuning, rung).id for seed in tuning.seeds)

    def with_ids(candidate: Candidate) -> Candidate:
        return candidate.model_copy(update={"trial_ids": trial_ids(candidate, num_rungs(tuning) - 1)})

    def result_of(candidate: Candidate) -> Point:
        return point_of(with_ids(candidate), tuning.choose_by, results)

    bounds = [draw.bounds for draw in draws]
    if tuning.halving is not None:
        grids = [_on_grid(tuning, cell, bounds[: number + 1]) for number in range(len(bounds))]
        candidates = raced(tuning.halving, grids, rung, trial_ids, results)
    elif tuning.trials is None:
        candidates = [*map(with_ids, _on_grid(tuning, cell, bounds))]
    else:
        found = drawn(tuning, cell.prior, cell.values, draws, result_of, metric=metric_of(tuning, [cell]))
        candidates = [*map(with_ids, found)]
    trial = cell.template
    return Search(
        task=trial.task.content_hash,
        method=trial.method.label,
        prior=cell.prior,
        low=draws[-1].bounds.low,
        high=draws[-1].bounds.high,
        candidates=tuple(candidates),
    )


def _on_grid(tuning: Tuning, cell: Cell, grids: Sequence[Bounds]) -> list[Candidate]:
    """Return every rate of ever wider grids with every combination of tuned parameters, each once."""
    steps = dict.fromkeys(step for grid in grids for step in range(grid.low, grid.high + 1))
    return [
        Candidate(learning_rate=rate_at(cell.prior, step, tuning.per_decade), parameters=parameters)
        for step in steps
        for parameters in _combinations(cell)
    ]


def _combinations(cell: Cell) -> list[dict[str, Any]]:
    """Return every combination of the tuned parameters' values, one empty one where there are none."""
    lists = [values for values in cell.values.values() if not isinstance(values, Between)]
    return [dict(zip(cell.values, chosen, strict=True)) for chosen in itertools.product(*lists)]


def num_rungs(tuning: Tuning) -> int:
    """Return at how many points of the training settings are judged, its end among them."""
    return 1 + (len(tuning.halving.after) if tuning.halving else 0)


def _new_trials(
    tuning: Tuning, cells: Sequence[Cell], searches: Sequence[Search], asked: Collection[str], rung: int
) -> list[Trial]:
    """Return the candidates' trials at a rung beyond those already asked for: all cells with the first seed first."""
    trials = (
        (candidate, cell.trial_at(candidate, seed, tuning, rung))
        for seed in tuning.seeds
        for cell, search in zip(cells, searches, strict=True)
        for candidate in search.candidates
    )
    return [trial for candidate, trial in trials if trial.id in candidate.all_trial_ids and trial.id not in asked]


def _num_on_later_rungs(tuning: Tuning, searches: Sequence[Search], rung: int) -> int:
    """Return how many trials of these searches are still to come on the rungs behind one."""
    if tuning.halving is None:
        return 0
    on_rungs = [tuning.halving.on_rungs(len(search.candidates)) for search in searches]
    return len(tuning.seeds) * sum(sum(numbers[rung + 1 :]) for numbers in on_rungs)


def _num_if_wider(tuning: Tuning, cells: Sequence[Cell], bounds: Bounds, widenings: int) -> int:
    """Return how many trials come at most if grids are widened so often on both sides."""
    if tuning.halving is None:
        return 2 * widenings * _trials_per_side(tuning, cells)
    total = 0
    for combinations in (len(_combinations(cell)) for cell in cells):
        for number in range(1, widenings + 1):
            added = 2 * tuning.widen_by
            width = bounds.high - bounds.low + 1 + number * added
            total += added * combinations + sum(tuning.halving.on_rungs(width * combinations)[1:])
    return total * len(tuning.seeds)


def _trials_per_side(tuning: Tuning, cells: Sequence[Cell]) -> int:
    """Return how many trials all cells together get when one side of the grid is widened once."""
    if tuning.trials is not None:
        settings = len(cells) * _sampled_per_side(tuning, tuning.trials)
    else:
        settings = sum(tuning.widen_by * len(_combinations(cell)) for cell in cells)
    return settings * len(tuning.seeds)


def _sampled_per_side(tuning: Tuning, num_trials: int) -> int:
    """Return how many settings a sampler draws for a method when one side of the grid is widened once."""
    return math.ceil(num_trials * tuning.widen_by / tuning.rates)
