"""No method, and no library behind it, changes the spec it is built from: the spec is part of a trial's id."""

from importlib.util import find_spec
from pathlib import Path

import pytest

from paretune.audit import everything
from paretune.methods import build
from paretune.methods.requirements import accelerator_reason, extra_packages
from paretune.spec import CAUSAL_LM, MethodSpec, Recipe
from paretune.testing import ToyTraining

BASE_MODEL = "toy:tied-llama"

pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.mark.parametrize("spec", everything(), ids=lambda spec: spec.label)
def test_wrapping_training_and_saving_leave_the_spec_as_it_was(spec: MethodSpec, tmp_path: Path) -> None:
    """On tied embeddings, where peft completes the lists of modules that it is given."""
    needed = extra_packages(spec.peft_type, spec.parameters)
    if accelerator_reason(spec.peft_type, spec.parameters) or not all(find_spec(package.module) for package in needed):
        pytest.skip("it needs an accelerator or a package that is not here")
    kinds = build(spec).model_kinds
    if kinds is not None and CAUSAL_LM not in kinds:
        pytest.skip("it does not go on a language model")
    recipe = Recipe(steps=1, batch_size=2, warmup_ratio=0.0)
    run = ToyTraining(spec.name, spec.parameters, recipe=recipe, base_model=BASE_MODEL)
    run.train()
    run.method.save(run.model, tmp_path)
    assert run.spec.canonical_json() == run.asked_for
