"""Predicted memory against memory counted while a model really trains, on this machine's processor.

    python -m benchmarks.memory_counted [--model MODEL] [--methods lora,ia3,...] [--tokens 96] [--runs 2]
        [--quantisation nf4]

Both run the same loop with the same batch: once on fake tensors built from the configuration, once on real tensors with
the model's weights. Each count is made `--runs` times, on a model loaded anew. The embedded model of 135 million
parameters is fetched where it is not cached; `--model toy:llama` needs nothing.
"""

import argparse
import gc
import time
import warnings
from functools import partial
from typing import Any, NamedTuple, get_args

import torch

from paretune.estimate import EstimateSettings
from paretune.estimate.predict import MakeWorkload, predict
from paretune.estimate.training import base_tensors, train_on_paper
from paretune.estimate.workload import padded_lengths, shown_for, workload_for
from paretune.kinds import kind_of_shape
from paretune.methods import build, resolve
from paretune.models import ModelShape, find_shape, load_model
from paretune.models.toy import toy_tokenizer
from paretune.spec import EMBEDDED_MODEL, MethodEntry, MethodSpec, Recipe
from paretune.spec.quantisation import QuantisedFormat

METHODS = (
    "full", "lora", "dora", "adalora", "oft", "boft", "loha", "vera", "ia3", "shira", "vblora", "ln-tuning",
    "prefix-tuning", "prompt-tuning",
)  # fmt: skip
BATCH_SIZE = 2
LEARNING_RATE = 1e-4
"""Any rate: it changes no byte."""


class Compared(NamedTuple):
    """One method: bytes at the peak of training."""

    method: str
    predicted_bytes: int
    counted_bytes: tuple[int, ...]
    """One for each run."""
    predicting_seconds: float

    @property
    def error(self) -> float:
        """Predicted over counted, minus one, for the run that differs most."""
        return max((self.predicted_bytes / counted - 1 for counted in self.counted_bytes), key=abs)


def settings_for(num_tokens: int, quantisation: QuantisedFormat | None = None) -> EstimateSettings:
    """Return the settings of these runs."""
    recipe = Recipe(batch_size=BATCH_SIZE, dtype="float32", quantisation=quantisation)
    return EstimateSettings(recipe=recipe, device="cpu", sequence_length=num_tokens)


def compare_method(shape: ModelShape, spec: MethodSpec, settings: EstimateSettings, *, runs: int) -> Compared:
    """Return what was predicted and what was counted for a method."""
    assert settings.sequence_length is not None
    lengths = padded_lengths(settings.recipe.batch_size, settings.sequence_length)
    shown = shown_for(shape, settings)
    began = time.process_time()
    make_workload = partial(workload_for, shape, settings, lengths, shown)
    predicted = predict(shape, partial(build, spec), settings, make_workload)
    seconds = time.process_time() - began
    counted = tuple(_counted(shape, spec, settings, make_workload) for _ in range(runs))
    return Compared(spec.label, predicted.log.peak().peak_bytes, counted, seconds)


def _counted(shape: ModelShape, spec: MethodSpec, settings: EstimateSettings, make_workload: MakeWorkload) -> int:
    """Train for real and return the most bytes that were alive."""
    gc.collect()
    kind, recipe = kind_of_shape(shape), settings.recipe
    model: Any = load_model(shape.name, recipe.dtype, quantisation=recipe.quantised, sees=kind.sees).model.eval()
    base = base_tensors(model)
    workload = make_workload()
    context = kind.context(settings.recipe, LEARNING_RATE, 0, toy_tokenizer(), workload.objective)
    method = build(spec)
    torch.manual_seed(0)
    wrapped = method.wrap(model, context)
    return train_on_paper(wrapped, method, context, workload, base).log.peak().peak_bytes


def main() -> None:
    """Print a line for each method."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default=EMBEDDED_MODEL)
    parser.add_argument("--methods", default=",".join(METHODS))
    parser.add_argument("--tokens", type=int, default=96)
    parser.add_argument("--runs", type=int, default=2)
    parser.add_argument("--quantisation", choices=get_args(QuantisedFormat))
    arguments = parser.parse_args()
    warnings.filterwarnings("ignore")
    shape = find_shape(arguments.model)
    held = f", linear layers in {arguments.quantisation}" if arguments.quantisation else ""
    print(f"{arguments.model}, batch of {BATCH_SIZE}, {arguments.tokens} tokens, float32{held}, CPU")
    for name in arguments.methods.split(","):
        spec = resolve(MethodEntry(name=name))
        found = compare_method(shape, spec, settings_for(arguments.tokens, arguments.quantisation), runs=arguments.runs)
        print(
            f"{found.method:24} predicted {found.predicted_bytes:>13,}  counted "
            + "  ".join(f"{counted:>13,}" for counted in found.counted_bytes)
            + f"  error {found.error:+.4%}  predicted in {found.predicting_seconds:.1f} s",
            flush=True,
        )


if __name__ == "__main__":
    main()
