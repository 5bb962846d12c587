"""Training settings of peft's method comparison as a recipe, and their experiments' names as labels."""

import re
from typing import Any

from paretune.interop.peft_layout import MATHS, OPTIMIZERS, OWN_OPTIMIZERS, QUANTISED, Benchmark
from paretune.spec import Recipe, nearest
from paretune.store.document import Document

WARMUP_RATIO = 0.1
"""Fixed in their script, for the cosine schedule."""
ADAMW_WEIGHT_DECAY = 0.01
"""torch's default, which holds wherever an experiment's optimizer settings replace theirs without naming it."""


def read_recipe(settings: Document, benchmark: Benchmark, placeholders: dict[str, str]) -> Recipe:
    """Take the training settings out of their `train_config` and return them as a recipe."""
    schedule = settings.take_nullable(str, "lr_scheduler")
    value: dict[str, Any] = {
        "steps": settings.take_a(int, "max_steps"),
        "batch_size": settings.take_a(int, "batch_size"),
        "answer_batch_size": settings.take_a(int, "batch_size_eval"),
        "max_length": settings.take_a(int, benchmark.length),
        "weight_decay": _weight_decay(settings, placeholders),
        "optimizer": _optimizer(settings),
        "max_grad_norm": settings.take_nullable(float, "grad_norm_clip") or float("inf"),
        "schedule": schedule or "constant",
        "warmup_ratio": WARMUP_RATIO if schedule else 0.0,
        "gradient_checkpointing": settings.take_optional(bool, "use_gc") or False,
        "compile": settings.take_a(bool, "compile"),
        "trainable_dtype": "as_library" if settings.take_a(bool, "autocast_adapter_dtype") else "as_base",
        **read_dtype(settings.take_a(str, "dtype")),
        **read_attention(settings.look_optional(str, "attn_implementation")),
    }
    if benchmark is MATHS:
        value |= {"loss_on": "whole_text", "data_order": "as_listed"}
    return Recipe.read(value, settings.where)


def recipe_departures(own: Recipe, shared: Recipe) -> dict[str, Any]:
    """Return the fields in which an experiment's recipe differs from the one that most share."""
    values = {name: getattr(own, name) for name in Recipe.model_fields}
    return {name: value for name, value in values.items() if value != getattr(shared, name)}


def read_dtype(dtype: str) -> dict[str, Any]:
    """Return their `dtype` as recipe fields. A quantised base keeps the rest of its weights in bfloat16."""
    return {"dtype": "bfloat16", **QUANTISED[dtype]} if dtype in QUANTISED else {"dtype": dtype}


def read_attention(implementation: str | None) -> dict[str, str]:
    """Return their `attn_implementation` as a recipe field; none is named where the library chooses."""
    return {} if implementation is None else {"attention": implementation}


def read_label(experiment: str, model_id: str) -> str:
    """Return a short name of an experiment such as `lora/llama-3.2-3B-rank32`: "lora rank32".

    The name of the base model in front and the word "default" are left out.
    """
    method, _, variant = experiment.partition("/")
    words = variant.split("-")
    model = _letters(model_id.rpartition("/")[2])
    so_far = ""
    while len(words) > 1 and model.startswith(so_far + _letters(words[0])):
        so_far += _letters(words.pop(0))
    if so_far and words == ["default"]:
        words = []
    return f"{method} {'-'.join(words)}".rstrip()


def _letters(text: str) -> str:
    return re.sub(r"[^a-z0-9]", "", text.lower())


def _weight_decay(settings: Document, placeholders: dict[str, str]) -> float:
    value = settings.take_optional(float, "optimizer_kwargs.weight_decay")
    if value is None:
        placeholders["weight_decay"] = "absent"
        return ADAMW_WEIGHT_DECAY
    return value


def _optimizer(settings: Document) -> str:
    """Return the recipe's optimizer. Those that only peft has stay named in the document as well.

    Raises `InputError` for one that is not known here.
    """
    name = settings.look_optional(str, "optimizer_type") or "AdamW"
    if name in OWN_OPTIMIZERS:
        return "adamw"
    if name not in OPTIMIZERS:
        known = ", ".join((*OPTIMIZERS, *OWN_OPTIMIZERS))
        raise settings.fault("optimizer_type", f'is "{name}"; known here: {known}{nearest(name, OPTIMIZERS)}')
    settings.take_if_there("optimizer_type")
    return OPTIMIZERS[name]
