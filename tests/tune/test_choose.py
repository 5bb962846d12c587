import math

import pytest

from paretune.spec import METRICS, Direction, Metric, Record, Search, StudyPlan, Tuning
from paretune.tune import Chosen, Edge, NothingChosen, choose, points_of, search_task
from tests.tune.landscapes import make_cell, make_result

TUNING = Tuning()


def searched(*outcomes: float | str, tuning: Tuning = TUNING) -> tuple[Search, dict[str, Record]]:
    """Return a search over five rates with these outcomes, lowest rate first, and its results."""
    (search,) = search_task(tuning, [make_cell("lora")], {}).searches
    trials = search_task(tuning, [make_cell("lora")], {}).rounds[0]
    pairs = zip(trials, outcomes * len(tuning.seeds), strict=True)
    return search, {trial.id: make_result(trial, one, tuning.choose_by) for trial, one in pairs}


def chosen(*outcomes: float | str, tuning: Tuning = TUNING) -> tuple[int | None, Edge | None]:
    """Return the place of the chosen rate, and the edge."""
    search, results = searched(*outcomes, tuning=tuning)
    points = points_of(search, tuning.choose_by, results)
    choice = choose(search, points, tuning, METRICS[tuning.choose_by])
    return (points.index(choice.point) if isinstance(choice, Chosen) else None), choice.edge


@pytest.mark.parametrize(
    ("outcomes", "place", "edge"),
    [
        ((3.0, 2.0, 1.0, 2.0, 3.0), 2, None),
        ((1.0, 2.0, 3.0, 4.0, 5.0), 0, Edge.LOWER),
        ((5.0, 4.0, 3.0, 2.0, 1.0), 4, Edge.UPPER),
        ((2.0, 1.0, 1.0, 2.0, 2.0), 1, None),
        ((1.0, 2.0, 1.0, 2.0, 2.0), 0, None),
        ((1.0, 1.0, 1.0, 1.0, 1.0), 0, None),
        ((3.0, 2.0, 1.0, "diverged", "diverged"), 2, None),
        (("failed", 2.0, "out_of_memory", 3.0, "diverged"), 1, None),
        ((math.nan, 2.0, 3.0, math.inf, 4.0), 1, None),
        (("diverged",) * 5, None, Edge.LOWER),
        (("diverged", "failed", "diverged", "diverged", "diverged"), None, None),
        (("failed",) * 5, None, None),
    ],
)
def test_the_best_rate_and_the_edge(outcomes: tuple[float | str, ...], place: int | None, edge: Edge | None) -> None:
    assert chosen(*outcomes) == (place, edge)


def test_accuracy_is_better_when_it_is_higher() -> None:
    assert chosen(0.1, 0.2, 0.9, 0.3, 0.3, tuning=Tuning(choose_by="accuracy")) == (2, None)


def test_a_setting_counts_only_when_all_its_seeds_ended_well() -> None:
    tuning = Tuning(seeds=(0, 1))
    search, results = searched(5.0, 4.0, 1.0, 3.0, 5.0, tuning=tuning)
    middle = search.candidates[2].trial_ids
    assert results[middle[0]].metrics == results[middle[1]].metrics
    results[middle[1]] = make_result(results[middle[1]].trial, "diverged")
    choice = choose(search, points_of(search, tuning.choose_by, results), tuning, METRICS[tuning.choose_by])
    assert isinstance(choice, Chosen)
    assert choice.point.figure == 3.0


def test_seeds_are_averaged() -> None:
    tuning = Tuning(seeds=(0, 1))
    search, results = searched(5.0, 4.0, 3.0, 4.0, 5.0, tuning=tuning)
    second = search.candidates[1].trial_ids[1]
    results[second] = make_result(results[second].trial, 1.0)
    choice = choose(search, points_of(search, tuning.choose_by, results), tuning, METRICS[tuning.choose_by])
    assert isinstance(choice, Chosen)
    assert (choice.point.figure, choice.point.candidate) == (2.5, search.candidates[1])


def test_nothing_chosen_says_what_happened() -> None:
    search, results = searched("diverged", "failed", "diverged", "out_of_memory", math.nan)
    choice = choose(search, points_of(search, TUNING.choose_by, results), TUNING, METRICS[TUNING.choose_by])
    assert choice == NothingChosen({"diverged": 2, "failed": 1, "out_of_memory": 1, "ok": 1}, None)


def test_a_task_s_own_metric_chooses_the_way_it_says() -> None:
    distance = Metric(name="distance", label="Distance", direction=Direction.LOWER, definition="Of tests.")
    cell = make_cell("lora")
    task = cell.template.task.model_copy(update={"metrics": (distance,)})
    cell = cell._replace(template=cell.template.model_copy(update={"task": task}))
    tuning = Tuning(choose_by="distance", max_widenings=0)
    (trials,) = search_task(tuning, [cell], {}).rounds
    assert {trial.measures for trial in trials} == {("answers",)}
    results = {
        trial.id: make_result(trial, 5.0 - place if place < 3 else 9.0, "distance")
        for place, trial in enumerate(trials)
    }
    (choice,) = search_task(tuning, [cell], results).choices
    assert isinstance(choice, Chosen)
    assert choice.point.figure == 3.0
    plan = StudyPlan(tuning=tuning, chosen_by=distance, searches=(), stages=())
    assert StudyPlan.model_validate_json(plan.model_dump_json()).metric == distance
    assert StudyPlan(tuning=TUNING, searches=(), stages=()).metric == METRICS["validation_loss"]
