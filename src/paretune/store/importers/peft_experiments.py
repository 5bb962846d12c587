"""Folders of peft's method comparison that describe experiments, as one study.

MetaMathQA/default_training_params.json             settings of all experiments
MetaMathQA/experiments/lora/rank32/adapter_config.json      peft's configuration; none: full fine-tuning
MetaMathQA/experiments/lora/rank32/training_params.json     settings that differ, perhaps
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from paretune.spec import GeneralText, ImageRecipe, InputError, MethodEntry, Recipe, Study, TaskEntry
from paretune.store.document import Document, read_object
from paretune.store.importers.peft_settings import read_label, read_recipe, recipe_departures
from paretune.store.peft_layout import BENCHMARKS, HOUSEKEEPING, IMAGE_SETTINGS, MATHS, Benchmark

_DEFAULTS = "default_training_params.json"
_ADAPTER = "adapter_config.json"
_SETTINGS = "training_params.json"
_REVISIONS = {
    "meta-llama/Llama-3.2-3B": "13afe5124825b4f3751f836b40dafda64c1ed062",
    "black-forest-labs/FLUX.2-klein-base-4B": "a3b4f4849157f664bdbc776fd7453c2783562f4d",
}
"""The revisions of the base models that their published results name."""
_OWN_OPTIMIZERS = {"lora-fa": "lora-fa", "lora+": "lora-plus", "riemannian": "lora-riemannian"}
"""Optimizers that make a method of their own: theirs, and what the method is called here."""
_FOLLOW_FROM_BASE = ("num_layers", "token_dim", "num_attention_heads", "num_transformer_submodules")
"""Keys of prompt methods that peft fills in from the base model, and that are wrong for another one."""
_OPTIMIZER_SETTINGS = ("loraplus_lr_ratio", "loraplus_lr_embedding", "reg")
_NOISES, _DRIFT_NOISES = 6, 3
"""Drawings for each held-out picture and for each caption of other things; theirs are 3 and 1."""
_WIKIPEDIA = GeneralText(
    source="hub:HuggingFaceFW/finewiki@8bd13e72e6a002407649b3e898535f42ceb1aeb9:data/enwiki/000_00000.parquet",
    num_texts=100,
    max_tokens=768,
)


class _Experiment(NamedTuple):
    name: str
    config: dict[str, Any] | None
    settings: dict[str, Any]
    recipe: Recipe


def study_from_experiments(folder: str | Path) -> Study:
    """Return the study that the experiments under a folder are: a task's folder, or any folder inside it.

    Raises `InputError` where there is no experiment, the task's settings are missing, or a file cannot be used.
    """
    root = _root(Path(folder))
    defaults = read_object(root / _DEFAULTS)
    benchmark = next((one for one in BENCHMARKS if one.signature in defaults), None)
    if benchmark is None:
        raise InputError(f"{root / _DEFAULTS}: none of {', '.join(one.folder for one in BENCHMARKS)}")
    places = {path.parent for name in (_ADAPTER, _SETTINGS) for path in Path(folder).rglob(name)}
    found = [_experiment(place, root, defaults, benchmark) for place in sorted(places)]
    if not found:
        raise InputError(f"{folder}: no experiments in it; an experiment is a folder with {_ADAPTER} or {_SETTINGS}")
    return _study(found, defaults, benchmark, _recipe(defaults, benchmark, str(root / _DEFAULTS)))


def _root(folder: Path) -> Path:
    """Return the task's folder, which holds the settings of all experiments."""
    for place in (folder, *folder.resolve().parents):
        if (place / _DEFAULTS).is_file():
            return place
    raise InputError(f"{folder}: no {_DEFAULTS} in it or above it; give a task's folder of peft's method_comparison")


def _experiment(place: Path, root: Path, defaults: Mapping[str, Any], benchmark: Benchmark) -> _Experiment:
    parts = place.resolve().relative_to(root.resolve()).parts
    name = "/".join(parts[1:] if parts[:1] == ("experiments",) else parts)
    own = read_object(place / _SETTINGS) if (place / _SETTINGS).is_file() else {}
    settings = {**defaults, **own}
    return _Experiment(
        name=name,
        config=read_object(place / _ADAPTER) if (place / _ADAPTER).is_file() else None,
        settings=settings,
        recipe=_recipe(settings, benchmark, str(place / _SETTINGS)),
    )


def _recipe(settings: Mapping[str, Any], benchmark: Benchmark, where: str) -> Recipe:
    recipe = read_recipe(Document({"run_info": {"train_config": dict(settings)}}, where), benchmark, {}, where)
    if benchmark is MATHS:
        return recipe
    given = {ours: settings[theirs] for theirs, ours in IMAGE_SETTINGS.items()}
    return recipe.model_copy(update={"image": ImageRecipe.read(given, where)})


def _study(found: list[_Experiment], defaults: Mapping[str, Any], benchmark: Benchmark, recipe: Recipe) -> Study:
    models = {one.settings["model_id"] for one in found}
    seeds = {one.settings["seed"] for one in found}
    if len(models) > 1 or len(seeds) > 1:
        raise InputError(
            f"the experiments name several base models or seeds ({', '.join(sorted(models))}); give fewer of them"
        )
    model = models.pop()
    value = {
        "name": f"peft-{benchmark.folder}",
        "description": f"The experiments of peft's method comparison, {benchmark.folder}.",
        "base_model": f"hub:{model}@{_REVISIONS.get(model, 'main')}",
        "tasks": (_task(defaults, benchmark),),
        "methods": tuple(_entry(one, recipe) for one in found),
        "seeds": tuple(seeds),
        "recipe": recipe,
        "general_text": _WIKIPEDIA if benchmark is MATHS else None,
        "time_limit_seconds": 86_400.0,
    }
    return Study.read(value, "the experiments")


def _task(defaults: Mapping[str, Any], benchmark: Benchmark) -> TaskEntry:
    """Return the task with the options under which it is theirs."""
    if benchmark is not MATHS:
        return TaskEntry(name="image_concept", options=_picture_options(defaults))
    options = {
        "template": defaults["query_template"],
        "separator": "",  # they put nothing between "Answer:" and the answer
        "clean_validation": False,
        "max_new_tokens": defaults["generation_kwargs"]["max_new_tokens"],
        "stop": [],
    }
    return TaskEntry(name="gsm8k", options=options)


def _picture_options(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return their data, captions and judge. For each caption more is drawn than they draw, or no interval would hold.

    The hub keeps a data set of pictures as Parquet files; theirs is small enough for one.
    """
    file = f"data/{settings['dataset_split']}-00000-of-00001.parquet"
    return {
        "pictures": f"hub:{settings['dataset_id']}@main:{file}",
        "image_column": settings["image_column"],
        "captions": settings["instance_prompts"],
        "validation_size": settings["valid_size"],
        "test_size": settings["test_size"],
        "noises": _NOISES,
        "drift_captions": settings["drift_image_prompts"],
        "drift_noises": _DRIFT_NOISES,
        "gallery_captions": settings["sample_image_prompts"],
        "judge": f"hub:{settings['dino_model_id']}@main",
    }


def _entry(one: _Experiment, shared: Recipe) -> MethodEntry:
    label = read_label(one.name, one.settings["model_id"])
    departures = recipe_departures(one.recipe, shared)
    rate = one.settings["optimizer_kwargs"]["lr"]
    if one.config is None:
        return MethodEntry(name="full", label=label, learning_rate=rate, recipe=departures)
    optimizer = _OWN_OPTIMIZERS.get(one.settings["optimizer_type"])
    left_out = (*HOUSEKEEPING, *_FOLLOW_FROM_BASE)
    parameters = {name: value for name, value in one.config.items() if name not in left_out}
    given = one.settings["optimizer_kwargs"]
    parameters |= {name: given[name] for name in _OPTIMIZER_SETTINGS if name in given}
    if one.settings.get("init_kv_cache_prefix"):
        parameters["start_text"] = one.settings["init_kv_cache_prefix"]
    name = optimizer or f"peft:{one.config['peft_type'].lower()}"
    return MethodEntry(name=name, label=label, learning_rate=rate, parameters=parameters, recipe=departures)
