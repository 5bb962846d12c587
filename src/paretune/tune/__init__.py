"""The same budget of settings for every method, judged on validation data only. Pure: from settings and records to what
runs next."""

from paretune.tune.choose import Choice, Chosen, NothingChosen, Point, choose, points_of
from paretune.tune.grid import Edge, first_bounds, step_of
from paretune.tune.rounds import Cell, TaskSearch, check_budget, metric_of, search_task

__all__ = [
    "Cell", "Choice", "Chosen", "Edge", "NothingChosen", "Point", "TaskSearch", "check_budget", "choose",
    "first_bounds", "metric_of", "points_of", "search_task", "step_of",
]  # fmt: skip
