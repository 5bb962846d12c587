"""Predicted memory against what a GPU's allocator reports, for many methods and three lengths.

    python -m benchmarks.gpu.memory [--methods lora,ia3,...] [--lengths 128,512,1024] [--steps 10]

On a GPU: the shape of Llama-3.2-3B with random weights in bfloat16, batches of 4; nothing is downloaded. Predicted are
the bytes of live tensors, beside `max_memory_allocated`, and what the allocator reserves, beside `max_memory_reserved`.
Without a GPU the toy shape is trained, and what is predicted stands beside what is counted on the processor: that shows
that the script runs, and tells nothing about a GPU. The table can go into a log as it is.
"""

import argparse
import gc
import warnings
from collections.abc import Iterator, Sequence
from functools import partial
from typing import NamedTuple

import torch

from benchmarks.memory_counted import LEARNING_RATE, compare_method
from paretune.engine import train
from paretune.estimate import EstimateSettings
from paretune.estimate.estimate import peak_of
from paretune.estimate.predict import predict
from paretune.estimate.skeleton import build_skeleton
from paretune.estimate.workload import padded_lengths, workload_for
from paretune.kinds import Lengths, Workload, kind_of_shape
from paretune.methods import Context, Method, build, resolve
from paretune.models import ModelShape, find_shape
from paretune.models.toy import toy_tokenizer
from paretune.spec import MethodEntry, MethodSpec, Recipe, one_line

MODEL, TOY = "meta-llama/Llama-3.2-3B", "toy:llama"
METHODS = (
    "full", "lora", "rslora", "dora", "lora-fa", "adalora", "oft", "boft", "hra", "ia3", "vera", "loha", "lokr", "miss",
    "delora", "gralora", "hira", "fourierft", "waveft", "c3a", "shira", "vblora", "road", "ln-tuning", "lily",
    "prefix-tuning", "prompt-tuning",
)  # fmt: skip
LENGTHS, TOY_LENGTHS = (128, 512, 1024), (32, 64, 96)


class Line(NamedTuple):
    """One method at one length, in bytes."""

    method: str
    num_tokens: int
    predicted_bytes: int
    held_bytes: int
    """`max_memory_allocated`, which holds cuBLAS's workspace too, or what was counted on the processor."""
    predicted_reserved_bytes: int | None = None
    reserved_bytes: int | None = None


def main() -> None:
    """Print a row of the table for each method and length."""
    on_gpu = torch.cuda.is_available()
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--methods", default=",".join(METHODS))
    parser.add_argument("--lengths", default=",".join(map(str, LENGTHS if on_gpu else TOY_LENGTHS)))
    parser.add_argument("--steps", type=int, default=10)
    arguments = parser.parse_args()
    warnings.filterwarnings("ignore")
    print(f"{torch.cuda.get_device_name()}, shape of {MODEL}" if on_gpu else f"no GPU: {TOY}, for trial only")
    print("\n| method | tokens | predicted MB | held MB | ratio | predicted reserved MB | reserved MB | ratio |")
    print("|---|---|---|---|---|---|---|---|")
    shape = find_shape(MODEL if on_gpu else TOY)
    for name in arguments.methods.split(","):
        for row in _rows(shape, name, [int(text) for text in arguments.lengths.split(",")], arguments.steps):
            print(row, flush=True)


def _rows(shape: ModelShape, name: str, lengths: Sequence[int], steps: int) -> Iterator[str]:
    spec = resolve(MethodEntry(name=name))
    for num_tokens in lengths:
        try:
            on_gpu = shape.name == MODEL
            yield _row(_on_gpu(shape, spec, num_tokens, steps) if on_gpu else _toy(shape, spec, num_tokens))
        except (ValueError, IndexError, RuntimeError) as error:  # out of memory is a RuntimeError
            yield f"| {name} | {num_tokens} | {type(error).__name__}: {one_line(error)[:90]} | | | | | |"


def _row(line: Line) -> str:
    cells = [line.method, str(line.num_tokens), *_pair(line.predicted_bytes, line.held_bytes)]
    cells += _pair(line.predicted_reserved_bytes, line.reserved_bytes)
    return f"| {' | '.join(cells)} |"


def _pair(predicted_bytes: int | None, bytes_found: int | None) -> list[str]:
    if predicted_bytes is None or bytes_found is None:
        return ["-", "-", "-"]
    return [f"{predicted_bytes / 1e6:.1f}", f"{bytes_found / 1e6:.1f}", f"{predicted_bytes / bytes_found:.4f}"]


def _toy(shape: ModelShape, spec: MethodSpec, num_tokens: int) -> Line:
    recipe = Recipe(batch_size=4, dtype="float32")
    settings = EstimateSettings(recipe=recipe, device="cpu", sequence_length=num_tokens)
    found = compare_method(shape, spec, settings, runs=1)
    return Line(spec.label, num_tokens, found.predicted_bytes, found.counted_bytes[0])


def _on_gpu(shape: ModelShape, spec: MethodSpec, num_tokens: int, steps: int) -> Line:
    recipe = Recipe(batch_size=4, dtype="bfloat16", steps=steps, warmup_ratio=0.0)
    settings = EstimateSettings(recipe=recipe, device="cuda", sequence_length=num_tokens)
    lengths = padded_lengths(recipe.batch_size, num_tokens)
    predicted = predict(shape, partial(build, spec), settings, lambda: workload_for(shape, settings, lengths))
    peak = peak_of(predicted.log, settings)
    ready(shape, spec, settings, lengths).train()
    held, reserved = torch.cuda.max_memory_allocated(), torch.cuda.max_memory_reserved()
    return Line(spec.label, num_tokens, peak.peak_bytes, held, peak.reserved_bytes, reserved)


class Ready(NamedTuple):
    """A model with its method attached, before the optimizer exists."""

    model: torch.nn.Module
    method: Method
    context: Context
    workload: Workload

    def train(self) -> None:
        """Train for the recipe's steps."""
        optimizer = self.method.optimizer(self.model, self.context)
        recipe, objective = self.context.recipe, self.workload.objective
        train(self.model, self.method, optimizer, self.workload.batches, recipe, objective=objective)


def ready(shape: ModelShape, spec: MethodSpec, settings: EstimateSettings, lengths: Sequence[Lengths]) -> Ready:
    """Return a model on the GPU, ready to train. The allocator holds it alone; its peaks begin anew."""
    gc.collect()
    torch.cuda.empty_cache()
    device = torch.device("cuda")
    model = build_skeleton(shape, settings, device).to(device)
    workload = workload_for(shape, settings, lengths)
    kind = kind_of_shape(shape)
    context = kind.context(settings.recipe, LEARNING_RATE, 0, toy_tokenizer(), workload.objective)
    method = build(spec)
    wrapped = method.wrap(model, context)
    method.before_training(wrapped, context, workload.batches)
    gc.collect()
    torch._C._cuda_clearCublasWorkspaces()
    torch.cuda.empty_cache()
    torch.cuda.reset_peak_memory_stats()
    return Ready(wrapped, method, context, workload)


if __name__ == "__main__":
    main()
