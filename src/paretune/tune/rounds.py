"""What every method of a task tries, round by round: as many settings for each, independent of the results."""

import itertools
import math
from collections.abc import Mapping, Sequence
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
                "measures": measures_for_choice(choose_by),
            }
        )


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
    tried = [0] * len(cells)
    for widenings_left in reversed(range(tuning.max_widenings + 1)):
        coming = _draws(tuning, bounds, draws)
        while coming:
            draws.append(coming.pop(0))
            searches = [_search(tuning, cell, draws, results) for cell in cells]
            rounds.append(_new_trials(tuning, cells, searches, tried))
            tried = [len(search.candidates) for search in searches]
            if any(trial.id not in results for trial in rounds[-1]):
                num_later = sum(draw.size for draw in coming) * len(cells) * len(tuning.seeds)
                wider = 2 * widenings_left * _trials_per_side(tuning, cells)
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


def _search(tuning: Tuning, cell: Cell, draws: Sequence[Draw], results: Mapping[str, Record]) -> Search:
    """Return what a cell tries in these draws."""

    def with_ids(candidate: Candidate) -> Candidate:
        trials = [cell.tuning_trial(candidate, seed, tuning.choose_by) for seed in tuning.seeds]
        return candidate.model_copy(update={"trial_ids": tuple(trial.id for trial in trials)})

    def result_of(candidate: Candidate) -> Point:
        return point_of(with_ids(candidate), tuning.choose_by, results)

    if tuning.trials is None:
        candidates = _on_grid(tuning, cell, [draw.bounds for draw in draws])
    else:
        candidates = drawn(tuning, cell.prior, cell.values, draws, result_of, metric=metric_of(tuning, [cell]))
    trial = cell.template
    return Search(
        task=trial.task.content_hash,
        method=trial.method.label,
        prior=cell.prior,
        low=draws[-1].bounds.low,
        high=draws[-1].bounds.high,
        candidates=tuple(map(with_ids, candidates)),
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


def _new_trials(tuning: Tuning, cells: Sequence[Cell], searches: Sequence[Search], tried: Sequence[int]) -> list[Trial]:
    """Return the trials of the candidates beyond those already tried: all cells with the first seed first."""
    return [
        cell.tuning_trial(candidate, seed, tuning.choose_by)
        for seed in tuning.seeds
        for cell, search, start in zip(cells, searches, tried, strict=True)
        for candidate in search.candidates[start:]
    ]


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
