"""The study of FLUX.2-klein goes from training to record on a pipeline of toy sizes, all of whose parts are real."""

import gc
import importlib
import inspect
import warnings
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import torch

from paretune.execute.check import check_trials
from paretune.execute.plan import plan
from paretune.execute.trial import Finished, run_trial
from paretune.interop.importers import study_from_experiments
from paretune.spec import Record, Study, Trial
from paretune.store import Store
from tests.methods.real_path import Silent
from tests.outside import PUBLISHED, needs_published

STUDY = Path(__file__).parents[2] / "studies" / "cat-plushy-flux2-klein.toml"
METHODS = ("base", "lora", "oft", "loha", "lokr", "ia3", "hra", "full")


@pytest.fixture(scope="module")
def judge(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A DINOv2 of toy sizes."""
    from transformers import Dinov2Config, Dinov2Model

    folder = tmp_path_factory.mktemp("judge")
    config = Dinov2Config(hidden_size=32, num_hidden_layers=2, num_attention_heads=2, image_size=224, patch_size=56)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        Dinov2Model(config).save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def trials(klein: Path, photographs: Path, judge: Path) -> dict[str, Trial]:
    """The study file's trials with another model, other pictures and judge, and fewer steps, pixels and drawings."""
    study = Study.from_toml(STUDY)
    assert tuple(entry.name for entry in study.methods) == METHODS
    found = small_trials(study, klein, photographs, judge)
    check_trials(found)
    return {trial.method.label: trial for trial in found}


def small_trials(study: Study, klein: Path, photographs: Path, judge: Path) -> list[Trial]:
    """The trials of a full-size study with everything replaced that no test can afford."""
    recipe = study.recipe
    assert recipe.image is not None
    assert (recipe.steps, recipe.batch_size, recipe.image.pixels) == (750, 2, 512)
    assert recipe.image.text_layers == (10, 20, 30)
    options: dict[str, Any] = {
        **study.tasks[0].options, "pictures": str(photographs), "captions": "sks cat", "judge": f"path:{judge}",
        "validation_size": 1, "test_size": 2, "samples_per_prompt": 2,
        "drift_samples_per_prompt": 1, "gallery_samples_per_prompt": 1,
        "drift_captions": study.tasks[0].options["drift_captions"][:3],
        "gallery_captions": study.tasks[0].options["gallery_captions"][:2],
    }  # fmt: skip
    small = study.model_copy(
        update={
            "base_model": f"path:{klein}",
            "tasks": (study.tasks[0].model_copy(update={"options": options}),),
            "seeds": (0,),
            "recipe": recipe.model_copy(
                update={
                    "steps": 2,
                    "max_length": 32,
                    "image": recipe.image.model_copy(update={"pixels": 64, "sampling_steps": 2}),
                }
            ),
        }
    )
    return plan(small)


def finished(trial: Trial, folder: Path) -> Finished:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return run_trial(trial, folder, attempt=1, concurrent_workers=1, listener=Silent())


@pytest.fixture(scope="module")
def result(trials: dict[str, Trial], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], Finished]]:
    """Gives what a method's trial left, run once."""

    @cache
    def found(method: str) -> Finished:
        return finished(trials[method], tmp_path_factory.mktemp(method))

    gc.freeze()  # keeps what is loaded already out of the many garbage collections of a trial
    yield found
    gc.unfreeze()


@pytest.mark.parametrize("method", METHODS)
def test_train_to_record(result: Callable[[str], Finished], method: str, tmp_path: Path) -> None:
    record, items, pictures = result(method)
    assert record.outcome.kind == "ok", record.outcome
    assert items is not None
    assert record.num_items == len(items) == 4
    assert all(-1 <= item.scores["similarity"] <= 1 for item in items)
    assert record.metrics["similarity"] == pytest.approx(sum(record_scores(tmp_path, record, items, pictures)) / 4)
    assert record.standard_errors.keys() == {"similarity", "drift"}
    assert len(record.drifts) == 3
    if method == "base":
        assert record.metrics["drift"] == pytest.approx(0, abs=1e-6)
        return
    assert record.metrics["drift"] > 0
    assert len(record.train_losses) == 2
    assert record.metrics["validation_loss"] > 0
    assert record.metrics["checkpoint_bytes"] > 0
    assert record.metrics["train_peak_bytes"] > 0
    assert record.trainable_dtypes == ("float32",)


def record_scores(folder: Path, record: Record, items: Any, pictures: Any) -> list[float]:
    """The scores as they come back from a store, in which pictures are beside the record."""
    store = Store(folder / "store")
    store.append(record, items, pictures)
    assert [one.name for one in store.pictures(record)] == [one.name for one in pictures]
    kinds = {one.kind for one in store.pictures(record)}
    assert kinds == {"train", "target", "answer", "gallery", "drift", "base"}
    assert store.items(record) == items
    scores = store.scores(record)
    assert scores is not None
    return list(scores.values())


def test_the_same_trial_gives_the_same_record_and_the_same_pictures(
    result: Callable[[str], Finished], trials: dict[str, Trial], tmp_path: Path
) -> None:
    first, second = result("lora"), finished(trials["lora"], tmp_path)
    assert first.record.train_losses == second.record.train_losses
    assert first.items == second.items
    assert first.pictures == second.pictures
    assert first.record.drifts == second.record.drifts


def test_every_method_draws_from_the_same_noise(
    result: Callable[[str], Finished], trials: dict[str, Trial], tmp_path: Path
) -> None:
    """With no step's worth of change, a method draws what the base draws."""
    idle = finished(trials["lora"].model_copy(update={"learning_rate": 1e-12}), tmp_path)
    base = result("base")
    assert idle.items is not None
    assert base.items is not None
    for one, other in zip(idle.items, base.items, strict=True):
        assert one.item_id == other.item_id
        assert one.scores == pytest.approx(other.scores, abs=1e-3)
    assert idle.record.metrics["drift"] == pytest.approx(0, abs=1e-4)


@needs_published
def test_their_experiment_folder_is_a_study_that_runs(
    klein: Path, photographs: Path, judge: Path, tmp_path: Path
) -> None:  # fmt: skip
    theirs = study_from_experiments(PUBLISHED / "image-gen")
    options = theirs.tasks[0].options
    assert len(theirs.methods) > 30
    assert options["judge"] == "hub:facebook/dinov2-base@main"
    assert (options["validation_size"], options["test_size"], len(options["captions"])) == (2, 4, 20)
    assert theirs.recipe.image is not None
    assert (theirs.recipe.image.guidance, theirs.recipe.image.sampling_steps) == (3.5, 20)
    oft = theirs.model_copy(update={"methods": tuple(one for one in theirs.methods if one.label == "oft")})
    (trial,) = small_trials(oft, klein, photographs, judge)
    # Their blocks of 32 do not fit a layer of the toy that takes in 48 numbers.
    trial = trial.model_copy(
        update={
            "method": trial.method.model_copy(
                update={"parameters": {**trial.method.parameters, "oft_block_size": 16, "r": 0}}
            )
        }
    )
    record, *_ = finished(trial, tmp_path)
    assert record.outcome.kind == "ok", record.outcome
    assert "similarity" in record.metrics


def test_loop_has_no_branch_for_images() -> None:
    text = inspect.getsource(importlib.import_module("paretune.engine.train")).lower()
    assert not [word for word in ("image", "picture", "diffusion", "flow", "latent", "vae") if word in text]
