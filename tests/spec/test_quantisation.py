"""Formats of quantised bases: one name each, earlier names still read, and ids that do not change with a name."""

from typing import Any

import pytest

from paretune.spec import InputError, Recipe, Study, Trial
from paretune.spec.memory import MemoryEstimate
from paretune.spec.quantisation import Quantisation
from tests.spec.test_spec import make_trial


def trial_with(**recipe: Any) -> Trial:
    return make_trial(recipe=Recipe.read({"steps": 4, **recipe}, "recipe"))


@pytest.mark.parametrize(("earlier", "present"), [("4bit", "nf4"), ("8bit", "int8")])
def test_an_earlier_name_is_read_and_means_the_same_trial(earlier: str, present: str) -> None:
    assert Recipe.read({"quantisation": earlier}, "recipe").quantisation == present
    assert trial_with(quantisation=earlier).id == trial_with(quantisation=present).id
    read = Trial.model_validate_json(trial_with(quantisation=present).canonical_json().replace(present, earlier))
    assert read == trial_with(quantisation=present)


def test_ids_of_quantised_trials_are_those_that_they_had_under_the_earlier_names() -> None:
    assert trial_with(quantisation="nf4").id == "d3acfe6d3e582910"
    assert trial_with(quantisation="int8").id == "a88ce5cd97f02552"
    formats: list[dict[str, Any]] = [{}, {"quantisation": "nf4"}, {"quantisation": "fp4"}, {"quantisation": "int8"}]
    formats += [{"quantisation": "int8-torchao"}, {"quantisation": "nf4", "double_quantisation": False}]
    formats += [{"quantisation": "nf4", "quantised_compute_dtype": "bfloat16"}]
    assert len({trial_with(**one).id for one in formats}) == len(formats)


def test_what_quantised_layers_are_is_resolved() -> None:
    assert Recipe().quantised is None
    assert Recipe(dtype="bfloat16", quantisation="nf4").quantised == Quantisation("nf4", True, "bfloat16")
    given = Recipe(quantisation="fp4", double_quantisation=False, quantised_compute_dtype="bfloat16")
    assert given.quantised == Quantisation("fp4", False, "bfloat16")


def test_one_method_of_a_quantised_study_may_have_a_base_that_is_not() -> None:
    recipe = Recipe(quantisation="nf4").with_changes({"quantisation": "none"}, "method")
    assert recipe.quantisation is None


@pytest.mark.parametrize(
    ("recipe", "words"),
    [
        ({"quantisation": "int4"}, "'nf4', 'fp4', 'int8' or 'int8-torchao'"),
        ({"double_quantisation": False}, 'double_quantisation belongs to quantisation = "nf4" or "fp4"'),
        ({"quantisation": "int8", "quantised_compute_dtype": "bfloat16"}, "quantised_compute_dtype belongs to"),
    ],
)
def test_what_cannot_be_is_one_line_that_names_the_field(recipe: dict[str, Any], words: str) -> None:
    with pytest.raises(InputError, match=words) as refusal:
        Study.read({"name": "a", "methods": ["lora"], "recipe": recipe}, "study.toml")
    assert str(refusal.value).startswith("study.toml: ")
    assert "\n" not in str(refusal.value)


def test_a_kept_estimate_under_an_earlier_name_is_read() -> None:
    value = {"model": "a", "method": "lora", "device": "cpu", "batch_size": 1, "sequence_length": 8, "seconds": 1}
    value |= {"train": {"peak_bytes": 1, "by_kind": {}}, "trainable_parameters": 1, "total_parameters": 2}
    assert MemoryEstimate.read(value | {"quantisation": "4bit"}, "estimates.json").quantisation == "nf4"
