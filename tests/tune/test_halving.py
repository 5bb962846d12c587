"""Halving inside one method's learning rates: who goes on, and that it is the same for everybody."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from paretune.spec import InputError, Recipe, Trial, Tuning
from paretune.spec.tuning import Halving
from paretune.tune import Chosen, NothingChosen, search_task
from tests.tune.landscapes import any_landscape, bowl, make_cell, make_result, play

CELLS = [make_cell("lora", 2e-3), make_cell("full", 2e-4), make_cell("ia3", 2e-2)]
HALF = Tuning(halving=Halving(after=(0.25,), keep=0.5))
LATE = {"lora": 2e-3, "full": 2e-4, "ia3": 2e-2}


def halved(**changes: object) -> st.SearchStrategy[Tuning]:
    common = {
        "rates": st.sampled_from([3, 5]),
        "seeds": st.sampled_from([(0,), (0, 1)]),
        "max_widenings": st.integers(0, 2),
        "choose_by": st.sampled_from(["validation_loss", "accuracy"]),
        "halving": st.builds(
            Halving, after=st.sampled_from([(0.25,), (0.1, 0.5)]), keep=st.sampled_from([0.1, 0.5, 0.9])
        ),
    }
    return st.builds(Tuning, **common)


def test_the_better_half_is_trained_to_the_end_from_its_first_step() -> None:
    search, asked = play(HALF, CELLS, bowl(LATE))
    early, full = asked
    assert [trial.recipe.stop_after for trial in early] == [10] * 15  # a quarter of 40 steps
    assert [trial.measures for trial in early] == [()] * 15
    assert [trial.recipe for trial in full] == [Recipe()] * 9
    assert sorted(trial.learning_rate or 0 for trial in full[:3]) == [1.12e-3, 2e-3, 3.56e-3]
    chosen = [choice.point.candidate.learning_rate for choice in search.choices if isinstance(choice, Chosen)]
    assert chosen == [2e-3, 2e-4, 2e-2]
    first = search.searches[0].candidates
    assert [len(one.trial_ids) for one in first] == [0, 1, 1, 1, 0]
    assert all(len(one.early_trial_ids) == 1 for one in first)


def test_what_looks_better_late_is_lost_where_it_is_not_kept() -> None:
    def crossing(trial: Trial) -> float:
        """Return a loss by which the highest rate is best early and worst in the end."""
        distance = math.log10((trial.learning_rate or 0) / LATE[trial.method.label])
        return -distance if trial.recipe.stop_after else abs(distance + 0.5)

    search, _ = play(Tuning(halving=Halving(after=(0.25,), keep=0.5), max_widenings=0), CELLS, crossing)
    best = [choice.point for choice in search.choices if isinstance(choice, Chosen)]
    assert [point.candidate.learning_rate for point in best] == [2e-3, 2e-4, 2e-2]  # full training: 0.316 of these
    whole, _ = play(Tuning(max_widenings=0), CELLS, crossing)
    assert [
        choice.point.candidate.learning_rate for choice in whole.choices if isinstance(choice, Chosen)
    ] == [6.32e-4, 6.32e-5, 6.32e-3]  # fmt: skip


def test_a_wider_grid_compares_the_new_rates_with_the_old_ones() -> None:
    search, asked = play(HALF, CELLS, bowl(LATE | {"ia3": 2e-2 * 10**0.75}))
    assert [len(trials) for trials in asked] == [15, 9, 3, 1, 3, 3]
    assert all(trial.recipe.stop_after for trial in (*asked[2], *asked[4]))
    best = search.choices[2]
    assert isinstance(best, Chosen)
    assert best.point.candidate.learning_rate == 0.112
    assert best.edge is None


@settings(deadline=None, max_examples=40)
@given(st.data(), halved())
def test_early_trials_are_as_many_for_every_method_and_the_end_is_reached(data: st.DataObject, tuning: Tuning) -> None:
    landscape = any_landscape(data)
    search, asked = play(tuning, CELLS, landscape)
    ids = [trial.id for trials in asked for trial in trials]
    assert len(set(ids)) == len(ids)
    known = {trial_id for one in search.searches for each in one.candidates for trial_id in each.all_trial_ids}
    assert known == set(ids)
    assert len({len(one.candidates) for one in search.searches}) == 1
    for found, choice in zip(search.searches, search.choices, strict=True):
        assert all(len(one.early_trial_ids) >= 1 for one in found.candidates)
        if isinstance(choice, Chosen):
            assert choice.point.candidate.trial_ids
        else:
            assert isinstance(choice, NothingChosen)
    first = search_task(tuning, CELLS, {})
    assert len(ids) - len(first.rounds[0]) <= first.num_later + first.num_if_wider


@settings(deadline=None, max_examples=25)
@given(st.data(), halved())
def test_halving_goes_on_alike_from_wherever_it_was_stopped(data: st.DataObject, tuning: Tuning) -> None:
    landscape = any_landscape(data)
    whole, asked = play(tuning, CELLS, landscape)
    order = [trial for trials in asked for trial in trials]
    stopped = data.draw(st.integers(0, len(order)))
    results = {
        trial.id: make_result(trial, landscape(trial), tuning.choose_by)
        for trial in data.draw(st.permutations(order[:stopped]))
    }
    again, rest = play(tuning, CELLS, landscape, results)
    assert again == whole
    assert [trial for trials in rest for trial in trials] == order[stopped:]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"halving": {"after": [0.5, 0.25]}}, "each share must be above the one before"),
        ({"halving": {"after": [1.5]}}, "less than 1"),
        ({"halving": {"keep": 0}}, "greater than 0"),
        ({"halving": {}, "sampler": "random", "trials": 5}, 'belongs to sampler = "grid"'),
    ],
)
def test_settings_that_cannot_be_are_refused(changes: dict[str, object], words: str) -> None:
    with pytest.raises(InputError, match=words):
        Tuning.read(changes, "[tuning]")


def test_training_cannot_stop_behind_its_end() -> None:
    with pytest.raises(InputError, match="stop_after = 41 is above steps = 40"):
        Recipe.read({"stop_after": 41}, "[recipe]")
