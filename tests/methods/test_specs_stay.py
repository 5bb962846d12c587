"""No method, and no library behind it, changes the spec it is built from: the spec is part of a trial's id."""

from pathlib import Path

import pytest

from paretune.audit import everything
from paretune.methods import check_method
from paretune.models import module_names
from paretune.spec import InputError, MethodSpec, Recipe
from paretune.testing import ToyTraining

BASE_MODEL = "toy:tied-llama"

pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.mark.parametrize("spec", everything(), ids=lambda spec: spec.label)
def test_wrapping_training_and_saving_leave_the_spec_as_it_was(spec: MethodSpec, tmp_path: Path) -> None:
    """On tied embeddings, where peft completes the lists of modules that it is given."""
    try:
        check_method(spec, module_names(BASE_MODEL))
    except InputError as missing:
        assert "it cannot run on a CPU" in str(missing) or "it needs" in str(missing)
        pytest.skip(str(missing))
    recipe = Recipe(steps=1, batch_size=2, warmup_ratio=0.0)
    run = ToyTraining(spec.name, spec.parameters, recipe=recipe, base_model=BASE_MODEL)
    run.train()
    run.method.save(run.model, tmp_path)
    assert run.spec.canonical_json() == run.asked_for
