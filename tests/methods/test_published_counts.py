"""Trainable numbers on the shape of Llama-3.2-3B, without weights, against those that peft's comparison publishes."""

import copy
import json
from functools import cache
from typing import Any

import pytest
import torch

from paretune.interop.importers import study_from_experiments
from paretune.interop.importers.peft_settings import read_label
from paretune.measure import trainable_parameters
from paretune.methods import Context, build, resolve
from paretune.spec import MethodEntry
from tests.outside import PUBLISHED, needs_published

pytestmark = [needs_published, pytest.mark.filterwarnings("ignore::UserWarning", "ignore::FutureWarning")]

NEEDS_WEIGHTS = {
    "adamss rank32": "clusters the singular vectors of the weights",
    "boft": "checks its permutations by value",
    "frod": "decomposes the weights of all layers together",
    "frod sparse0.02-lr_0.001": "decomposes the weights of all layers together",
    "shira lr_0.0003-random_seed_42": "draws which weights it trains",
    "unilora": "counts how often an index was drawn",
}
"""Cannot be built without weights; `benchmarks/parameter_counts.py` counts them on one and two layers instead."""


def _published() -> dict[str, int]:
    counts = {}
    for path in sorted((PUBLISHED / "MetaMathQA" / "results").glob("*.json")):
        result = json.loads(path.read_text(encoding="utf-8"))
        label = read_label(result["run_info"]["experiment_name"], result["run_info"]["train_config"]["model_id"])
        counts[label] = result["train_info"]["num_trainable_params"]
    return counts


COUNTS = _published()


@cache
def _base() -> Any:
    from transformers import LlamaConfig, LlamaForCausalLM

    config = LlamaConfig(
        vocab_size=128_256, hidden_size=3072, intermediate_size=8192, num_hidden_layers=28, num_attention_heads=24,
        num_key_value_heads=8, head_dim=128, tie_word_embeddings=True, dtype="bfloat16",
    )  # fmt: skip
    with torch.device("meta"):
        return LlamaForCausalLM(config)


@cache
def _entries() -> dict[str, MethodEntry]:
    return {entry.label or entry.name: entry for entry in study_from_experiments(PUBLISHED / "MetaMathQA").methods}


@pytest.mark.parametrize("label", sorted(COUNTS.keys() - NEEDS_WEIGHTS.keys()))
def test_counts_are_the_published_ones(label: str) -> None:
    entry = _entries()[label]
    # A prefix that starts from a text is as long as any other; the text wants a tokenizer and weights.
    parameters = {name: value for name, value in entry.parameters.items() if name != "start_text"}
    method = build(resolve(entry.model_copy(update={"parameters": parameters})))
    recipe = study_from_experiments(PUBLISHED / "MetaMathQA").recipe.model_copy(update=entry.recipe)
    context = Context(recipe, entry.learning_rate, 0, None)
    with torch.device("meta"):
        optimizer = method.optimizer(method.wrap(copy.deepcopy(_base()), context), context)
    assert trainable_parameters(optimizer) == COUNTS[label]


def test_every_published_experiment_is_counted_or_explained() -> None:
    assert len(COUNTS) == 63
    assert set(NEEDS_WEIGHTS) <= set(COUNTS) <= set(_entries())
