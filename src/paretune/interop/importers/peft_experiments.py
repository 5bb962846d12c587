"""Folders of peft's method comparison that describe experiments, as one study.

MetaMathQA/default_training_params.json             settings of all experiments
MetaMathQA/experiments/lora/rank32/adapter_config.json      peft's configuration; none: full fine-tuning
MetaMathQA/experiments/lora/rank32/training_params.json     settings that differ, perhaps
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from paretune.interop.importers.peft_settings import read_label, read_recipe, recipe_departures
from paretune.interop.peft_layout import BENCHMARKS, HOUSEKEEPING, IMAGE_SETTINGS, MATHS, OWN_OPTIMIZERS, Benchmark
from paretune.spec import GeneralText, ImageRecipe, InputError, MethodEntry, Recipe, Study, TaskEntry
from paretune.store.document import Document, leaves, read_object

_DEFAULTS = "default_training_params.json"
_ADAPTER = "adapter_config.json"
_SETTINGS = "training_params.json"
_REVISIONS = {
    "meta-llama/Llama-3.2-3B": "13afe5124825b4f3751f836b40dafda64c1ed062",
    "black-forest-labs/FLUX.2-klein-base-4B": "a3b4f4849157f664bdbc776fd7453c2783562f4d",
}
"""The revisions of the base models that their published results name."""
_FOLLOW_FROM_BASE = ("num_layers", "token_dim", "num_attention_heads", "num_transformer_submodules")
"""Keys of prompt methods that peft fills in from the base model, and that are wrong for another one."""
_OPTIMIZER_SETTINGS = ("loraplus_lr_ratio", "loraplus_lr_embedding", "reg")
_ADAPTER_SETTINGS = ("r", "lora_alpha")
"""What LoRA-FA's optimizer is told once more: it must be the adapter's."""
_ONE_A_STUDY = {
    "base_model": "model_id",
    "seed": "seed",
    "task": "task (query_template, generation_kwargs, data, captions)",
}
"""Settings that all experiments of a study share."""
_WITHOUT_EFFECT = ("eval_steps", "generation_kwargs.max_length")
"""Settings that change no result: how often to validate, and a limit that `max_new_tokens` overrides."""
_AS_IT_RUNS = {"use_amp": False, "repeats": 1000, "dino_image_size": 224, "generation_kwargs.do_sample": False}
"""Settings that have no counterpart here, and the value that describes what a study does."""
_SAMPLES, _DRIFT_SAMPLES = 6, 3
"""Images generated for each held-out image and for each drift caption; theirs are 3 and 1."""
_WIKIPEDIA = GeneralText(
    source="hub:HuggingFaceFW/finewiki@8bd13e72e6a002407649b3e898535f42ceb1aeb9:data/enwiki/000_00000.parquet",
    num_texts=100,
    max_tokens=768,
)


class _Settings(NamedTuple):
    """What is said of an experiment in addition to its adapter."""

    base_model: str
    seed: int
    task: TaskEntry
    recipe: Recipe
    learning_rate: float


class _Experiment(NamedTuple):
    place: Path
    settings: _Settings
    entry: MethodEntry


def study_from_experiments(folder: str | Path) -> Study:
    """Return the study that the experiments under a folder are: a task's folder, or any folder inside it.

    Raises `InputError` where there is no experiment, the task's settings are missing, a file cannot be used, or it
    sets what a study cannot have.
    """
    root = _root(Path(folder))
    defaults = read_object(root / _DEFAULTS)
    benchmark = next((one for one in BENCHMARKS if one.signature in defaults), None)
    if benchmark is None:
        raise InputError(f"{root / _DEFAULTS}: none of {', '.join(one.folder for one in BENCHMARKS)}")
    shared = _settings(Document(defaults, str(root / _DEFAULTS)), benchmark)
    places = {path.parent for name in (_ADAPTER, _SETTINGS) for path in Path(folder).rglob(name)}
    found = [_experiment(place, root, defaults, shared, benchmark) for place in sorted(places)]
    if not found:
        raise InputError(f"{folder}: no experiments in it; an experiment is a folder with {_ADAPTER} or {_SETTINGS}")
    return _study(found, benchmark, shared.recipe)


def _root(folder: Path) -> Path:
    """Return the task's folder, which holds the settings of all experiments."""
    for place in (folder, *folder.resolve().parents):
        if (place / _DEFAULTS).is_file():
            return place
    raise InputError(f"{folder}: no {_DEFAULTS} in it or above it; give a task's folder of peft's method_comparison")


def _experiment(
    place: Path, root: Path, defaults: Mapping[str, Any], shared: _Settings, benchmark: Benchmark
) -> _Experiment:
    parts = place.resolve().relative_to(root.resolve()).parts
    name = "/".join(parts[1:] if parts[:1] == ("experiments",) else parts)
    own = read_object(place / _SETTINGS) if (place / _SETTINGS).is_file() else {}
    document = Document({**defaults, **own}, str(place / _SETTINGS))
    settings = _settings(document, benchmark)
    config = Document(read_object(place / _ADAPTER), str(place / _ADAPTER)) if (place / _ADAPTER).is_file() else None
    value = {
        "label": read_label(name, settings.base_model),
        "learning_rate": settings.learning_rate,
        "recipe": recipe_departures(settings.recipe, shared.recipe),
        **(_adapter(config, document) if config else {"name": "full"}),
    }
    for path, left in leaves(document.rest(), whole_lists=True):
        if not _is_what_runs(path, left, config):
            file = place / _SETTINGS if path.partition(".")[0] in own else root / _DEFAULTS
            raise InputError(f"{file}: {path} = {json.dumps(left)[:60]} would be lost in a study{_mend(path)}")
    return _Experiment(place, settings, MethodEntry.read(value, str(place)))


def _settings(document: Document, benchmark: Benchmark) -> _Settings:
    """Take all settings out of a document that have a place in a study."""
    document.look_a(str, "optimizer_type")
    recipe = read_recipe(document, benchmark, {})
    document.take_if_there("attn_implementation")
    if benchmark is not MATHS:
        given = {ours: document.take(theirs) for theirs, ours in IMAGE_SETTINGS.items()}
        recipe = recipe.model_copy(update={"image": ImageRecipe.read(given, document.where)})
    return _Settings(
        base_model=document.take_a(str, "model_id"),
        seed=document.take_a(int, "seed"),
        task=_task(document, benchmark),
        recipe=recipe,
        learning_rate=document.take_a(float, "optimizer_kwargs.lr"),
    )


def _task(settings: Document, benchmark: Benchmark) -> TaskEntry:
    """Return the task with the options under which it is theirs."""
    if benchmark is not MATHS:
        return TaskEntry(name="image_concept", options=_picture_options(settings))
    options = {
        "template": settings.take_a(str, "query_template"),
        "separator": "",  # they put nothing between "Answer:" and the answer
        "clean_validation": False,
        "max_new_tokens": settings.take_a(int, "generation_kwargs.max_new_tokens"),
        "stop": [],
    }
    return TaskEntry(name="gsm8k", options=options)


def _picture_options(settings: Document) -> dict[str, Any]:
    """Return their data, captions and judge. For each caption more is drawn than they draw, or no interval would hold.

    The hub keeps a data set of pictures as Parquet files; theirs is small enough for one.
    """
    file = f"data/{settings.take_a(str, 'dataset_split')}-00000-of-00001.parquet"
    return {
        "pictures": f"hub:{settings.take_a(str, 'dataset_id')}@main:{file}",
        "image_column": settings.take_a(str, "image_column"),
        "captions": settings.take_a(list, "instance_prompts"),
        "validation_size": settings.take_a(int, "valid_size"),
        "test_size": settings.take_a(int, "test_size"),
        "samples_per_prompt": _SAMPLES,
        "drift_captions": settings.take_a(list, "drift_image_prompts"),
        "drift_samples_per_prompt": _DRIFT_SAMPLES,
        "gallery_captions": settings.take_a(list, "sample_image_prompts"),
        "judge": f"hub:{settings.take_a(str, 'dino_model_id')}@main",
    }


def _adapter(config: Document, settings: Document) -> dict[str, Any]:
    """Return name and parameters of a method, with those that are among the settings. These are taken."""
    name = f"peft:{config.look_a(str, 'peft_type').lower()}"
    left_out = (*HOUSEKEEPING, *_FOLLOW_FROM_BASE)
    parameters = {key: value for key, value in config.rest().items() if key not in left_out}
    if settings.look("optimizer_type") is not None:
        name = OWN_OPTIMIZERS[settings.take("optimizer_type")]
        given = {key: settings.take_if_there(f"optimizer_kwargs.{key}") for key in _OPTIMIZER_SETTINGS}
        parameters |= {key: value for key, value in given.items() if value is not None}
    text = settings.take_optional(str, "init_kv_cache_prefix")
    return {"name": name, "parameters": parameters | ({"start_text": text} if text else {})}


def _is_what_runs(path: str, value: Any, config: Document | None) -> bool:
    """Return whether a setting without a place in a study is nevertheless what the study does."""
    if value is None or path in _WITHOUT_EFFECT:
        return True
    group, _, key = path.rpartition(".")
    if group == "optimizer_kwargs" and key in _ADAPTER_SETTINGS and config is not None:
        return bool(config.look(key) == value)
    return path in _AS_IT_RUNS and bool(_AS_IT_RUNS[path] == value)


def _mend(path: str) -> str:
    """Return how a setting that would be lost is to be changed."""
    return f"; a study has {json.dumps(_AS_IT_RUNS[path])}" if path in _AS_IT_RUNS else "; take it out"


def _study(found: list[_Experiment], benchmark: Benchmark, recipe: Recipe) -> Study:
    first = found[0]
    for field, theirs in _ONE_A_STUDY.items():
        for other in found:
            if getattr(other.settings, field) != getattr(first.settings, field):
                raise InputError(
                    f"{other.place}: not the {theirs} of {first.place}; a study has one: give fewer of them"
                )
    base_model, seed, task = first.settings.base_model, first.settings.seed, first.settings.task
    value = {
        "name": f"peft-{benchmark.folder}",
        "description": f"The experiments of peft's method comparison, {benchmark.folder}.",
        "base_model": f"hub:{base_model}@{_REVISIONS.get(base_model, 'main')}",
        "tasks": (task,),
        "methods": tuple(one.entry for one in found),
        "seeds": (seed,),
        "recipe": recipe,
        "general_text": _WIKIPEDIA if benchmark is MATHS else None,
        "time_limit_seconds": 86_400.0,
    }
    return Study.read(value, "the experiments")
