import json
from pathlib import Path
from typing import Any

import pytest

from paretune.interop.importers import study_from_experiments
from paretune.spec import InputError, Study
from tests.interop.peft_results import maths_result

DEFAULTS: dict[str, Any] = maths_result()["run_info"]["train_config"]
LORA = {"peft_type": "LORA", "r": 32, "task_type": "CAUSAL_LM", "inference_mode": False, "modules_to_save": None}


def experiment(root: Path, name: str, config: dict[str, Any] | None, settings: dict[str, Any] | None = None) -> None:
    """Write one experiment's folder."""
    folder = root / "experiments" / name
    folder.mkdir(parents=True)
    if config is not None:
        (folder / "adapter_config.json").write_text(json.dumps(config))
    if settings is not None:
        (folder / "training_params.json").write_text(json.dumps(settings))


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "default_training_params.json").write_text(json.dumps(DEFAULTS))
    experiment(tmp_path, "lora/llama-3.2-3B-rank32", LORA)
    experiment(tmp_path, "lora/llama-3.2-3B-high", LORA, {"optimizer_kwargs": {"lr": 1e-3}})
    experiment(tmp_path, "full/llama-3.2-3B-x", None, {"optimizer_kwargs": {"lr": 1e-5, "weight_decay": 0.0}})
    return tmp_path


def by_label(study: Study) -> dict[str, Any]:
    return {str(entry.label): entry for entry in study.methods}


def test_shared_settings_are_the_recipe_and_differences_belong_to_their_method(root: Path) -> None:
    study = study_from_experiments(root)
    entries = by_label(study)
    assert set(entries) == {"lora rank32", "lora high", "full x"}
    assert (study.recipe.steps, study.recipe.weight_decay, study.recipe.loss_on) == (500, 0.1, "whole_text")
    assert study.base_model.startswith("hub:meta-llama/Llama-3.2-3B@")
    plain = entries["lora rank32"]
    assert (plain.name, plain.learning_rate, plain.recipe) == ("peft:lora", 1e-4, {})
    assert plain.parameters == {"r": 32, "modules_to_save": None}
    assert entries["lora high"].recipe == {"weight_decay": 0.01}, "their settings replace the shared ones as a whole"
    assert (entries["full x"].name, entries["full x"].recipe) == ("full", {"weight_decay": 0.0})


def test_a_part_of_the_folder_is_a_study_too(root: Path) -> None:
    assert len(study_from_experiments(root / "experiments" / "lora").methods) == 2
    assert len(study_from_experiments(root / "experiments" / "lora" / "llama-3.2-3B-rank32").methods) == 1


@pytest.mark.parametrize(
    ("optimizer", "given", "name"),
    [
        ("lora-fa", {"r": 32}, "lora-fa"),
        ("lora+", {"loraplus_lr_ratio": 4.0}, "lora-plus"),
        ("riemannian", {"reg": 0.01}, "lora-riemannian"),
    ],
)
def test_an_optimizer_of_ones_own_makes_a_method(root: Path, optimizer: str, given: dict[str, Any], name: str) -> None:
    settings = {"optimizer_type": optimizer, "optimizer_kwargs": {"lr": 1e-4, "weight_decay": 0.1, **given}}
    experiment(root, "lora/llama-3.2-3B-own", LORA, settings)
    entry = by_label(study_from_experiments(root))["lora own"]
    assert entry.name == name
    assert entry.parameters["r"] == 32
    assert given.items() <= entry.parameters.items()


def test_a_prefix_may_start_from_a_text(root: Path) -> None:
    config = {"peft_type": "PREFIX_TUNING", "num_virtual_tokens": 4, "token_dim": 3072, "num_layers": 28}
    experiment(root, "prefixtuning/llama-3.2-3B-text", config, {"init_kv_cache_prefix": "Think."})
    entry = by_label(study_from_experiments(root))["prefixtuning text"]
    assert entry.parameters == {"num_virtual_tokens": 4, "start_text": "Think."}


@pytest.mark.parametrize(
    ("settings", "line"),
    [
        ({"dtype": "float16"}, "dtype"),
        ({"model_id": "another/model"}, "not the model_id of"),
    ],
)
def test_what_cannot_be_one_study_is_refused(root: Path, settings: dict[str, Any], line: str) -> None:
    experiment(root, "lora/llama-3.2-3B-odd", LORA, settings)
    with pytest.raises(InputError, match=line):
        study_from_experiments(root)


@pytest.mark.parametrize(
    ("settings", "line"),
    [
        ({"optimizer_kwargs": {}}, r"optimizer_kwargs\.lr is missing"),
        ({"optimizer_kwargs": {"lr": "high"}}, r"optimizer_kwargs\.lr must be a finite number"),
        ({"model_id": 7}, "model_id must be text"),
        ({"generation_kwargs": {}}, r"generation_kwargs\.max_new_tokens is missing"),
        ({"optimizer_type": "Lion"}, 'optimizer_type is "Lion"; known here: AdamW'),
        ({"query_template": "{query}"}, "not the task"),
        ({"generation_kwargs": {"max_new_tokens": 20}}, "not the task"),
        ({"seed": 1}, "not the seed of"),
        ({"generation_kwargs": {"max_new_tokens": 300, "temperature": 0.7}}, r"generation_kwargs\.temperature = 0\.7"),
        (
            {"optimizer_kwargs": {"lr": 1e-3, "betas": [0.9, 0.95]}},
            r"optimizer_kwargs\.betas = \[0\.9, 0\.95\] would be",
        ),
        ({"optimizer_kwargs": {"lr": 1e-3, "reg": 0.1}}, r"optimizer_kwargs\.reg = 0\.1 would be lost"),
        ({"use_amp": True}, "use_amp = true would be lost in a study; a study has false"),
        ({"banana": 3}, "banana = 3 would be lost in a study; take it out"),
        ({"optimizer_type": "lora-fa", "optimizer_kwargs": {"lr": 1e-4, "r": 8}}, r"optimizer_kwargs\.r = 8 would"),
    ],
)
def test_a_setting_that_cannot_be_carried_over_is_refused(root: Path, settings: dict[str, Any], line: str) -> None:
    experiment(root, "lora/llama-3.2-3B-odd", LORA, settings)
    with pytest.raises(InputError, match=rf"llama-3\.2-3B-odd.*{line}") as caught:
        study_from_experiments(root)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("change", "line"),
    [
        ({"use_amp": True}, "use_amp = true"),
        ({"banana": 3}, "banana = 3"),
        ({"optimizer_kwargs": {"weight_decay": 0.1}}, r"optimizer_kwargs\.lr is missing"),
    ],
)
def test_the_shared_settings_are_held_to_the_same(root: Path, change: dict[str, Any], line: str) -> None:
    (root / "default_training_params.json").write_text(json.dumps(DEFAULTS | change))
    with pytest.raises(InputError, match=rf"default_training_params\.json: {line}"):
        study_from_experiments(root)


def test_settings_of_full_fine_tuning_that_only_an_adapter_has_are_refused(root: Path) -> None:
    experiment(root, "full/llama-3.2-3B-odd", None, {"optimizer_type": "lora+"})
    with pytest.raises(InputError, match=r'optimizer_type = "lora\+" would be lost'):
        study_from_experiments(root)


@pytest.mark.parametrize(
    ("config", "line"),
    [({"r": 8}, "peft_type is missing"), ({"peft_type": None}, "peft_type must be text, not null")],
)
def test_an_adapter_without_a_type_is_refused(root: Path, config: dict[str, Any], line: str) -> None:
    experiment(root, "lora/llama-3.2-3B-odd", config)
    with pytest.raises(InputError, match=rf"adapter_config\.json: {line}"):
        study_from_experiments(root)


def test_a_template_and_a_limit_of_ones_own_are_the_task_s(root: Path) -> None:
    settings = {"query_template": "Q: {query}", "generation_kwargs": {"max_new_tokens": 20}, "eval_steps": 7}
    experiment(root, "ia3/llama-3.2-3B-own", {"peft_type": "IA3"}, settings)
    (task,) = study_from_experiments(root / "experiments" / "ia3").tasks
    assert (task.options["template"], task.options["max_new_tokens"]) == ("Q: {query}", 20)


def test_a_folder_without_settings_or_experiments_is_refused(
    root: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    with pytest.raises(InputError, match=r"no default_training_params\.json in it or above it"):
        study_from_experiments(tmp_path_factory.mktemp("empty"))
    (root / "nothing").mkdir()
    with pytest.raises(InputError, match="no experiments in it"):
        study_from_experiments(root / "nothing")
    (root / "default_training_params.json").write_text("{")
    with pytest.raises(InputError, match="not valid JSON"):
        study_from_experiments(root)
