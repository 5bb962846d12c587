"""Trainable numbers of every experiment of peft's method comparison on Llama-3.2-3B's shape, beside the published.

    python benchmarks/parameter_counts.py METHOD_COMPARISON/MetaMathQA

Without weights, on the meta device. What cannot be built without weights is counted on one and on two layers of full
width with random weights, and carried on to 28 layers.
"""

import argparse
import copy
import json
import warnings
from pathlib import Path
from typing import Any

import torch

from paretune.interop.importers import study_from_experiments
from paretune.interop.importers.peft_settings import read_label
from paretune.measure import trainable_parameters
from paretune.methods import Context, build, resolve
from paretune.spec import MethodEntry, Recipe

NUM_LAYERS = 28


def main() -> None:
    """Print a line for each experiment."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="the folder of their maths task")
    folder: Path = parser.parse_args().folder
    warnings.simplefilter("ignore")
    study = study_from_experiments(folder)
    published = published_counts(folder / "results")
    with torch.device("meta"):
        base = llama(NUM_LAYERS)
    agreeing = 0
    for entry in study.methods:
        recipe = study.recipe.model_copy(update=entry.recipe)
        try:
            with torch.device("meta"):
                number, how = count(entry, recipe, copy.deepcopy(base)), "no weights"
        except (RuntimeError, NotImplementedError):  # an operation that wants to see values
            few = [count(entry, recipe, llama(layers)) for layers in (1, 2)]
            number, how = few[0] + (NUM_LAYERS - 1) * (few[1] - few[0]), "carried on from one and two layers"
        theirs = published.get(entry.label or "")
        agreeing += number == theirs
        said = "not published" if theirs is None else "equal" if number == theirs else f"published {theirs:,}"
        print(f"{entry.label:45} {number:>13,}  {said}, {how}", flush=True)
    print(f"{agreeing} of {len(published)} published counts are equal")


def count(entry: MethodEntry, recipe: Recipe, model: Any) -> int:
    """Return how many numbers the optimizer may change. A prefix's starting text has no bearing on it."""
    parameters = {name: value for name, value in entry.parameters.items() if name != "start_text"}
    method = build(resolve(entry.model_copy(update={"parameters": parameters})))
    context = Context(recipe, entry.learning_rate, 0, None)
    return trainable_parameters(method.optimizer(method.wrap(model, context), context))


def llama(num_layers: int) -> Any:
    """Return a model of Llama-3.2-3B's shape; with fewer layers also with a small vocabulary."""
    from transformers import LlamaConfig, LlamaForCausalLM

    config = LlamaConfig(
        vocab_size=128_256 if num_layers == NUM_LAYERS else 128, hidden_size=3072, intermediate_size=8192,
        num_hidden_layers=num_layers, num_attention_heads=24, num_key_value_heads=8, head_dim=128,
        tie_word_embeddings=True, dtype="bfloat16",
    )  # fmt: skip
    return LlamaForCausalLM(config).to(torch.bfloat16)


def published_counts(folder: Path) -> dict[str, int]:
    """Return the published counts by the label of their experiment."""
    counts = {}
    for path in sorted(folder.glob("*.json")):
        result = json.loads(path.read_text(encoding="utf-8"))
        label = read_label(result["run_info"]["experiment_name"], result["run_info"]["train_config"]["model_id"])
        counts[label] = result["train_info"]["num_trainable_params"]
    return counts


if __name__ == "__main__":
    main()
