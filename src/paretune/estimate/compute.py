"""What a model's operations depend on, from its configuration alone, and the tokens of a trial's steps."""

from itertools import islice
from pathlib import Path
from typing import Any

import torch
from torch import nn

from paretune.engine import make_batches
from paretune.kinds import kind_named, kind_of_shape, skeleton
from paretune.models import ModelShape, find_shape
from paretune.models.bundled_configs import carried_shapes
from paretune.models.shapes import config_object
from paretune.models.toy import toy_tokenizer
from paretune.spec import CAUSAL_LM, InputError, Trial, nearest
from paretune.spec.compute import ModelCompute, StepTokens
from paretune.tasks import task_of

_COUNTED_STEPS = 200
"""Steps whose tokens are counted, where a trial has more."""
CHARACTERS_PER_TOKEN = 2.5
"""Fewer than a token of English text has, so that steps are not projected too short: of word problems, with their
digits, SmolLM2's tokens have 2.6."""
_EXPERTS = ("num_experts", "num_local_experts", "n_routed_experts")


def shape_named(model: str) -> ModelShape:
    """Return a model's shape as `find_shape` does, of a bundled config also by its name without the owner.

    Raises `InputError` as `find_shape` does.
    """
    if "/" not in model and ":" not in model:
        by_name = {name.partition("/")[2]: name for name in carried_shapes()}
        found = next((name for short, name in by_name.items() if short.lower() == model.lower()), None)
        if found is None and not Path(model).expanduser().exists():
            raise InputError(
                f'model "{model}": no bundled config of that name{nearest(model, by_name)}; give a folder, a '
                "config.json, or a name on the hub with its owner"
            )
        model = found or model
    return find_shape(model)


def model_compute(shape: ModelShape) -> ModelCompute:
    """Return what the operations of a language model depend on. No weights are read.

    Raises `InputError` for a configuration that cannot be built, another kind of model, and a mixture of experts, of
    whose products each token takes some.
    """
    if kind_of_shape(shape).name != CAUSAL_LM:
        raise InputError(f'model "{shape.name}": no language model that writes text; others are not projected')
    if any(shape.config.get(name) for name in _EXPERTS):
        raise InputError(f'model "{shape.name}": a mixture of experts, whose operations are not counted')
    with torch.device("meta"):
        model: Any = skeleton(kind_of_shape(shape), shape, "bfloat16")
    output = model.get_output_embeddings()
    products = (one for one in model.modules() if _is_product(one) and one is not output)
    config = config_object(shape.config)
    heads = config.num_attention_heads
    width = heads * (getattr(config, "head_dim", None) or config.hidden_size // heads)
    return ModelCompute(
        model=shape.name,
        product_parameters=sum(one.weight.numel() for one in products),
        output_parameters=output.weight.numel(),
        num_layers=config.num_hidden_layers,
        attention_width=width,
    )


def step_tokens(trial: Trial) -> StepTokens:
    """Return the tokens of a trial's optimizer steps: means over its first batches, as training makes them.

    Reads the task's data and the base model's tokenizer. Raises `InputError` where one of them is not here,
    `Unreachable` among it, and for other models than language models.
    """
    return _counted(trial, kind_named(trial.model_kind).tokenizer(trial.base_model))


def step_tokens_by_characters(trial: Trial) -> StepTokens:
    """Return the same without the base model's tokenizer, with `CHARACTERS_PER_TOKEN` of them taken for a token."""
    in_characters = {"max_length": int(CHARACTERS_PER_TOKEN * trial.recipe.max_length)}
    recipe = trial.recipe.model_copy(update=in_characters)
    characters = _counted(trial.model_copy(update={"recipe": recipe}), toy_tokenizer())
    return StepTokens(*(number / CHARACTERS_PER_TOKEN for number in characters))


def _counted(trial: Trial, tokenizer: Any) -> StepTokens:
    kind = kind_named(trial.model_kind)
    if kind.name != CAUSAL_LM:
        raise InputError(f'task "{trial.task.name}": costs are projected for language models that write text alone')
    recipe, task = trial.recipe, task_of(trial.task)
    if task.content_hash != trial.task.content_hash:
        raise InputError(
            f'task "{trial.task.name}": its data is not what the study was run on, so steps cannot be counted'
        )
    examples: Any = task
    batches = make_batches(examples.examples("train"), tokenizer, recipe, trial.seed)
    num_steps = min(recipe.trained_steps, _COUNTED_STEPS)
    tokens = learned = squares = 0
    for batch in islice(batches, num_steps * recipe.gradient_accumulation):
        rows, length = batch.input_ids.shape
        tokens += rows * length
        squares += rows * length**2
        learned += rows * length if recipe.compile is True else batch.num_terms
    return StepTokens(tokens / num_steps, learned / num_steps, squares / tokens)


def _is_product(module: nn.Module) -> bool:
    return isinstance(module, nn.Linear) or type(module).__name__ == "Conv1D"  # GPT-2's linear layers
