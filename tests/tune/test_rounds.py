import itertools
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from paretune.spec import Between, InputError, TunedValues, Tuning
from paretune.tune import Chosen, Edge, NothingChosen, check_budget, search_task
from tests.tune.landscapes import any_landscape, bowl, make_cell, make_result, play, tunings

CELLS = [make_cell("lora", 2e-3), make_cell("full", 2e-4), make_cell("ia3", 2e-2)]


@settings(deadline=None, max_examples=25)
@given(st.data(), tunings())
def test_every_method_gets_the_same_budget_whatever_comes_out(data: st.DataObject, tuning: Tuning) -> None:
    search, asked = play(tuning, CELLS, any_landscape(data))
    for trials in asked:
        assert len({*Counter(trial.method.label for trial in trials).values()}) == 1
    ids = [trial.id for trials in asked for trial in trials]
    assert len(set(ids)) == len(ids)
    assert {(found.low, found.high) for found in search.searches} == {(search.searches[0].low, search.searches[0].high)}
    assert len(ids) == sum(len(one.trial_ids) for found in search.searches for one in found.candidates)
    steps = [
        [round(one.learning_rate / cell.prior, 2) for one in found.candidates]
        for cell, found in zip(CELLS, search.searches, strict=True)
    ]
    if tuning.sampler != "tpe":  # which looks where it was good, and so elsewhere for each method
        assert steps[0] == pytest.approx(steps[1], rel=0.02)
        assert steps[0] == pytest.approx(steps[2], rel=0.02)


@settings(deadline=None, max_examples=25)
@given(st.data(), tunings())
def test_a_search_goes_on_alike_from_wherever_it_was_stopped(data: st.DataObject, tuning: Tuning) -> None:
    landscape = any_landscape(data)
    whole, asked = play(tuning, CELLS, landscape)
    order = [trial for trials in asked for trial in trials]
    stopped = data.draw(st.integers(0, len(order)))
    kept = data.draw(st.permutations(order[:stopped]))
    results = {trial.id: make_result(trial, landscape(trial), tuning.choose_by) for trial in kept}
    again, rest = play(tuning, CELLS, landscape, results)
    assert again == whole
    assert [trial for trials in rest for trial in trials] == order[stopped:]


@settings(deadline=None, max_examples=25)
@given(st.data(), tunings())
def test_the_grid_ends_inside_or_at_the_limit(data: st.DataObject, tuning: Tuning) -> None:
    search, _ = play(tuning, CELLS, any_landscape(data))
    first = search_task(tuning, CELLS, {})
    added = sum(map(len, search.rounds)) - len(first.rounds[0]) - first.num_later
    assert 0 <= added <= first.num_if_wider
    if any(choice.edge for choice in search.choices):
        num_rates = search.searches[0].high - search.searches[0].low + 1
        assert num_rates >= tuning.rates + tuning.widen_by * tuning.max_widenings


def test_one_method_at_an_edge_widens_the_grid_for_all() -> None:
    search, asked = play(Tuning(), CELLS, bowl({"lora": 2e-3, "full": 2e-4, "ia3": 2e-2 * 10**0.75}))
    assert [len(trials) for trials in asked] == [15, 3, 3]
    assert [trial.learning_rate for trial in asked[1]] == [1.12e-2, 1.12e-3, 0.112]
    assert {(found.low, found.high) for found in search.searches} == {(-2, 4)}
    best = [choice.point.candidate.learning_rate for choice in search.choices if isinstance(choice, Chosen)]
    assert best == [2e-3, 2e-4, 0.112]
    assert [choice.edge for choice in search.choices] == [None] * 3


def test_both_sides_widen_when_two_methods_pull_apart() -> None:
    _, asked = play(Tuning(), CELLS, bowl({"lora": 2e-3 * 10**0.5, "full": 2e-4 * 10**-0.5, "ia3": 2e-2}))
    assert [len(trials) for trials in asked] == [15, 6]


def test_what_is_still_at_the_edge_is_marked() -> None:
    search, asked = play(Tuning(max_widenings=1), CELLS, bowl({"lora": 1.0, "full": 2e-4, "ia3": 2e-2}))
    assert len(asked) == 2
    assert [choice.edge for choice in search.choices] == [Edge.UPPER, None, None]


def test_divergence_everywhere_asks_for_lower_rates_and_ends_as_a_result() -> None:
    landscape = bowl({"lora": 1e-9, "full": 2e-4, "ia3": 2e-2})
    search, asked = play(Tuning(max_widenings=2), CELLS, landscape)
    assert [len(trials) for trials in asked] == [15, 3, 3]
    assert search.choices[0] == NothingChosen({"diverged": 7}, Edge.LOWER)
    assert isinstance(search.choices[1], Chosen)


def test_divergence_everywhere_is_mended_by_a_wider_grid() -> None:
    search, _ = play(Tuning(max_widenings=9), CELLS, bowl({"lora": 2e-6, "full": 2e-4, "ia3": 2e-2}))
    assert isinstance(search.choices[0], Chosen)


def test_tuned_parameters_are_combined_with_every_rate() -> None:
    cells = [make_cell("lora", values={"r": (4, 16)}), make_cell("oft", values={"oft_block_size": (16, 32)})]
    tuning = Tuning()
    check_budget(tuning, cells)
    search = search_task(tuning, cells, {})
    lora = [trial for trial in search.rounds[0] if trial.method.label == "lora"]
    assert [trial.method.parameters["r"] for trial in lora] == [4, 16] * 5
    assert [len(found.candidates) for found in search.searches] == [10, 10]


def test_unequal_grids_are_refused() -> None:
    cells = [make_cell("lora", values={"r": (4, 16)}), make_cell("ia3")]
    with pytest.raises(InputError, match='"lora" would try 2 settings at each learning rate and "ia3" 1'):
        check_budget(Tuning(), cells)
    check_budget(Tuning(sampler="tpe", trials=9), cells)


def test_a_tuning_trial_never_sees_the_test_questions_and_measures_no_more_than_it_must() -> None:
    for choose_by, measures in (("validation_loss", ()), ("accuracy", ("answers",))):
        tuning = Tuning.model_validate({"choose_by": choose_by, "seeds": (3, 4)})
        trials = list(itertools.chain(*search_task(tuning, CELLS, {}).rounds))
        assert {trial.split for trial in trials} == {"validation"}
        assert {trial.measures for trial in trials} == {measures}
        assert {trial.seed for trial in trials} == {3, 4}


def test_a_sampler_draws_parameters_from_lists_and_ranges() -> None:
    values: dict[str, TunedValues] = {
        "r": Between(low=4, high=64, log=True),
        "alpha": (8, 16),
        "dropout": Between(low=0.0, high=0.5),
    }
    tuning = Tuning(sampler="random", trials=40)
    (search,) = search_task(tuning, [make_cell("lora", values=values)], {}).searches
    drawn = [one.parameters for one in search.candidates]
    assert {one["alpha"] for one in drawn} == {8, 16}
    assert all(isinstance(one["r"], int) and 4 <= one["r"] <= 64 for one in drawn)
    assert all(0 <= one["dropout"] <= 0.5 for one in drawn)
    assert min(one["r"] for one in drawn) < 8
    assert max(one["r"] for one in drawn) > 32


def test_tpe_hears_how_its_draws_did() -> None:
    tuning = Tuning(sampler="tpe", trials=12, ask_at_once=4, max_widenings=0)
    cells = [make_cell("lora", 1e-3)]
    near, _ = play(tuning, cells, bowl({"lora": 2.5e-3}))
    far, _ = play(tuning, cells, bowl({"lora": 4e-4}))
    assert near.rounds[0] == far.rounds[0]
    assert near.rounds[2] != far.rounds[2]


def test_a_sampler_s_wider_range_gets_its_share_of_draws() -> None:
    tuning = Tuning(sampler="random", trials=10, max_widenings=1)
    search, asked = play(tuning, CELLS, bowl({"lora": 1.0, "full": 2e-4, "ia3": 2e-2}))
    assert [len(trials) for trials in asked] == [30, 6]
    assert (search.searches[0].low, search.searches[0].high) == (-2, 3)


@pytest.mark.parametrize("sampler", ["random", "tpe"])
def test_more_trials_than_there_are_settings_is_refused(sampler: str) -> None:
    tuning = Tuning.model_validate({"rates": 3, "per_decade": 50, "trials": 200, "sampler": sampler})
    with pytest.raises(InputError, match=r"trials = 200: rates = 3 with per_decade = 50 span only \d+ different"):
        play(tuning, CELLS, bowl({"lora": 2e-3, "full": 2e-4, "ia3": 2e-2}))
