import pytest
from hypothesis import given
from hypothesis import strategies as st

from paretune.spec import InputError, Recipe, Study

COUNTS = st.integers(1, 10_000)


@given(epochs=st.floats(0.01, 100), examples=COUNTS, batch=st.integers(1, 64), low=st.integers(1, 50), extra=COUNTS)
def test_epochs_become_the_fewest_whole_steps_that_see_enough_within_the_bounds(
    epochs: float, examples: int, batch: int, low: int, extra: int
) -> None:
    recipe = Recipe(epochs=epochs, batch_size=batch, warmup_ratio=0)
    steps = recipe.for_examples(examples).steps
    assert (steps - 1) * batch < epochs * examples <= steps * batch
    bounded = Recipe(epochs=epochs, batch_size=batch, warmup_ratio=0, min_steps=low, max_steps=low + extra)
    assert bounded.for_examples(examples).steps == min(max(steps, low), low + extra)


def test_a_trial_s_recipe_is_the_one_of_a_study_in_steps() -> None:
    by_epochs = Recipe(epochs=3, min_steps=20, max_steps=500, batch_size=4, gradient_accumulation=2)
    assert by_epochs.for_examples(400) == Recipe(steps=150, batch_size=4, gradient_accumulation=2)
    assert "epochs" not in by_epochs.for_examples(400).canonical_json()
    assert Recipe(steps=7).for_examples(400) == Recipe(steps=7)
    assert by_epochs.for_examples(None) == by_epochs


def test_steps_take_the_place_of_epochs_and_epochs_that_of_steps() -> None:
    recipe = Recipe(epochs=3, min_steps=20, batch_size=4)
    assert recipe.with_changes({"steps": 7}, "here") == Recipe(steps=7, batch_size=4)
    assert recipe.with_changes({"max_steps": 50}, "here") == Recipe(epochs=3, min_steps=20, max_steps=50, batch_size=4)
    assert Recipe(steps=7).with_changes({"epochs": 2}, "here") == Recipe(epochs=2)


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ({"epochs": 3, "steps": 50}, "steps and epochs exclude each other"),
        ({"min_steps": 3}, "min_steps belongs to epochs"),
        ({"epochs": 3, "min_steps": 30, "max_steps": 20}, "min_steps = 30 is above max_steps = 20"),
        ({"epochs": 0}, "epochs"),
        ({"epochs": True}, "epochs must be a number"),
    ],
)
def test_a_length_that_cannot_be_is_refused(value: dict[str, object], reason: str) -> None:
    with pytest.raises(InputError, match=reason):
        Recipe.read(value, "study.toml")


def test_folders_are_shared_by_studies_whose_epochs_and_steps_are_the_same() -> None:
    def study(**recipe: object) -> Study:
        return Study.read({"name": "x", "methods": ["lora"], "recipe": recipe}, "x")

    assert study(epochs=3).conflict_with(study(steps=150), [400]) is None
    assert study(epochs=3).conflict_with(study(epochs=3), [400]) is None
    assert study(epochs=3).conflict_with(study(steps=151), [400]) == "its recipe has steps = 151, this study has 150"
    assert study(epochs=3).conflict_with(study(epochs=2), []) == "its recipe has epochs = 2.0, this study has 3.0"
