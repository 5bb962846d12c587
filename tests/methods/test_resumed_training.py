"""Every method that says so is trained in two parts, by two processes' worth of objects, as it is in one."""

from importlib.util import find_spec
from pathlib import Path

import pytest
import torch

from paretune.audit import everything
from paretune.engine import Training, TrainingState, restore, state_of, train
from paretune.methods import build
from paretune.methods.requirements import accelerator_reason, extra_packages
from paretune.spec import MethodSpec, Recipe
from paretune.testing import ToyTraining

STEPS, STOPPED_AFTER = 10, 4
RECIPE = Recipe(steps=STEPS, batch_size=4, gradient_accumulation=2)
STARTED_ANEW = {"adalora", "monteclora"}
"""Those of which something changes in training that is neither a parameter nor in the optimizer."""
EVERYTHING = [spec for spec in everything() if spec.name != "head"]
"""All but the head alone, which a language model does not have."""

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
