"""Every method that says so is trained in two parts, by two processes' worth of objects, as it is in one."""

from importlib.util import find_spec
from pathlib import Path

import pytest
import torch

from paretune.audit import everything
from paretune.engine import Training, TrainingState, restore, state_bytes, state_of, train
from paretune.methods import build, resolve
from paretune.methods.requirements import accelerator_reason, extra_packages
from paretune.spec import MethodEntry, MethodSpec, Recipe
from paretune.testing import ToyTraining

STEPS, STOPPED_AFTER = 10, 4
RECIPE = Recipe(steps=STEPS, batch_size=4, gradient_accumulation=2)
STARTED_ANEW = {"adalora", "adamss-asa", "monteclora"}
"""Those of which something changes in training that is neither a parameter nor in the optimizer."""
EVERYTHING = [spec for spec in everything() if spec.name != "head"]
"""All but the head alone, which a language model does not have."""

SUBSPACES = {"use_asa": True, "asa_target_subspaces": 5}

pytestmark = pytest.mark.filterwarnings("ignore")


def trained(spec: MethodSpec, recipe: Recipe = RECIPE) -> tuple[ToyTraining, Training]:
    run = ToyTraining(spec.name, spec.parameters, recipe=recipe, learning_rate=3e-3)
    return run, run.train()


def resumed(spec: MethodSpec, state: TrainingState, earlier: Training) -> tuple[ToyTraining, Training]:
    torch.manual_seed(1234)  # whatever was drawn before
    run = ToyTraining(spec.name, spec.parameters, recipe=RECIPE, learning_rate=3e-3)
    restore(state, run.model, run.optimizer)
    return run, train(run.model, run.method, run.optimizer, run.batches, RECIPE, earlier=earlier)


def saved(run: ToyTraining, folder: Path) -> dict[str, bytes]:
    run.method.save(run.model, folder)
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("spec", EVERYTHING, ids=lambda spec: spec.label)
def test_in_two_parts_as_in_one(spec: MethodSpec, tmp_path: Path) -> None:
    needed = extra_packages(spec.peft_type, spec.parameters)
    if accelerator_reason(spec.peft_type, spec.parameters) or not all(find_spec(package.module) for package in needed):
        pytest.skip("it needs an accelerator or a package that is not here")
    assert build(spec).resumes == (spec.label not in STARTED_ANEW)
    if spec.label in STARTED_ANEW:
        return
    whole, expected = trained(spec)
    first, earlier = trained(spec, RECIPE.model_copy(update={"stop_after": STOPPED_AFTER}))
    second, found = resumed(spec, state_of(first.model, first.optimizer), earlier)
    assert found.losses == expected.losses
    assert saved(second, tmp_path / "second") == saved(whole, tmp_path / "whole")


def test_what_a_parameter_makes_of_a_method_counts() -> None:
    """AdaMSS keeps averages, and freezes what it takes away, only where it takes subspaces away."""
    assert build(resolve(MethodEntry(name="adamss"))).resumes
    assert not build(resolve(MethodEntry(name="adamss", parameters=SUBSPACES))).resumes


def test_a_state_that_does_not_fit_changes_nothing() -> None:
    lora, _ = trained(resolve(MethodEntry(name="lora")))
    other = ToyTraining("lora", {"r": 4}, recipe=RECIPE, learning_rate=3e-3)
    before = {name: value.clone() for name, value in other.model.state_dict().items()}
    with pytest.raises(ValueError, match="other parameters are trained"):
        restore(state_of(lora.model, lora.optimizer), other.model, other.optimizer)
    assert all(torch.equal(value, before[name]) for name, value in other.model.state_dict().items())
    assert not other.optimizer.state_dict()["state"]


def test_what_torch_would_round_is_refused() -> None:
    run, _ = trained(resolve(MethodEntry(name="lora")))
    state = state_of(run.model, run.optimizer)
    wider = {name: one.double() if name.endswith("exp_avg") else one for name, one in state.tensors.items()}
    with pytest.raises(ValueError, match="exp_avg in another dtype"):
        restore(state._replace(tensors=wider), run.model, run.optimizer)


def test_the_bytes_of_a_state_are_those_of_its_tensors_but_the_random_numbers() -> None:
    run, _ = trained(resolve(MethodEntry(name="lora")))
    tensors = state_of(run.model, run.optimizer).tensors
    found = sum(one.nbytes for name, one in tensors.items() if not name.startswith("random."))
    assert state_bytes(run.model, run.optimizer) == found
