"""Every type of the installed peft goes the whole way by its name alone: train, save, reload, answer."""

import gc
from collections.abc import Iterator
from pathlib import Path

import pytest

from paretune.engine import make_batches, validation_loss
from paretune.execute.run import run
from paretune.measure import general_texts
from paretune.methods import build, method_cards, prior_learning_rate, resolve
from paretune.methods.registry import peft_types
from paretune.models import load_model
from paretune.spec import MethodEntry, Trial
from paretune.tasks import get_task
from tests.methods.real_path import run_one, small_study

TYPES = [peft_type.lower().replace("_", "-") for peft_type in peft_types()]

pytestmark = [
    pytest.mark.filterwarnings("ignore::UserWarning", "ignore::FutureWarning", "ignore::RuntimeWarning"),
]


@pytest.fixture(scope="module", autouse=True)
def _quick_collections() -> Iterator[None]:
    """Keep what is loaded already out of the many garbage collections of a trial."""
    gc.freeze()
    yield
    gc.unfreeze()


@pytest.fixture(autouse=True)
def _less_general_text(monkeypatch: pytest.MonkeyPatch) -> None:
    texts = general_texts()[:2]
    monkeypatch.setattr("paretune.kinds.language.general_texts", lambda: texts)


def reloaded_loss(trial: Trial, checkpoint: Path) -> float:
    """Return the loss of the saved method on the validation data, after a reload."""
    base = load_model(trial.base_model)
    model = build(trial.method).load(base.model, checkpoint)
    assert not any(parameter.requires_grad for parameter in model.parameters())
    examples = get_task(trial.task.name, trial.task.options).examples("validation")
    return validation_loss(model, make_batches(examples, base.tokenizer, trial.recipe, trial.seed, one_pass=True))


@pytest.mark.parametrize("name", TYPES)
def test_every_type_of_peft_runs_by_name(name: str, tmp_path: Path) -> None:
    checkpoint = tmp_path / "adapter"
    trial, record = run_one(small_study(tmp_path, name), checkpoint)
    assert record.outcome.kind == "ok", getattr(record.outcome, "traceback", record.outcome)
    assert len(record.train_losses) == 3
    assert record.num_items == len(get_task(trial.task.name, trial.task.options).examples("test"))
    assert record.metrics["trainable_parameters"] > 0
    assert record.trainable_dtypes == ("float32",)
    assert record.train_losses[0] != record.train_losses[-1]
    files = [path for path in checkpoint.rglob("*") if path.is_file()]
    assert {path.suffix for path in files} == {".json", ".safetensors"}
    assert reloaded_loss(trial, checkpoint) == pytest.approx(record.metrics["validation_loss"], rel=1e-5)


def test_every_type_has_a_prior_rate_and_says_where_it_comes_from() -> None:
    for name in TYPES:
        assert prior_learning_rate(resolve(MethodEntry(name=name))) is not None, name
    for card in method_cards():
        assert (card.prior_learning_rate is None) == (not card.prior_source), card.name


@pytest.mark.usefixtures("kept_fork_servers")
def test_two_demanding_methods_run_in_processes_of_their_own(tmp_path: Path) -> None:
    study = small_study(tmp_path, "xlora")
    both = study.model_copy(update={"methods": (*study.methods, MethodEntry(name="lora-ga"))})
    records = run(both, tmp_path / "results", jobs=2, threads=1, share_devices=True)
    assert [record.outcome.kind for record in records] == ["ok", "ok"]
