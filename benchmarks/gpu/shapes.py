"""Predicted memory against a GPU's allocator for shapes of several families, with what was live at the peak.

    python -m benchmarks.gpu.shapes [--only TEXT] [--steps 4] [--out shapes.json]

Random weights from the configs that come with Paretune; nothing is downloaded. For each case: bytes of live tensors
beside `max_memory_allocated`, reserved bytes beside `max_memory_reserved`, the workspaces that cuBLAS holds, and the
largest groups of blocks that were live at the peak, by size and the line that asked for them. Without a GPU each case
shrinks to a toy shape, to show that the script runs.
"""

import argparse
import gc
import json
import time
import warnings
from collections import Counter
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import torch

from benchmarks.memory_counted import LEARNING_RATE
from paretune.engine import train
from paretune.estimate import EstimateSettings
from paretune.estimate.estimate import peak_of
from paretune.estimate.predict import predict, workload_for
from paretune.estimate.skeleton import build_skeleton
from paretune.estimate.workload import padded_lengths
from paretune.methods import Context, build, resolve
from paretune.models import find_shape
from paretune.models.toy import toy_tokenizer
from paretune.spec import MethodEntry, Recipe, one_line

_HEAD = {"r": 16, "modules_to_save": ["lm_head"]}
_SHOWN_BLOCKS = 12


class Case(NamedTuple):
    """A model, a method, and how it is trained."""

    model: str
    method: str
    parameters: dict[str, Any]
    recipe: dict[str, Any]
    num_tokens: int


CASES = (
    Case("meta-llama/Llama-3.2-1B", "lora", _HEAD, {"batch_size": 4}, 512),
    Case("google-bert/bert-base-uncased", "lora", {}, {"batch_size": 32}, 128),
    Case("meta-llama/Llama-3.2-1B", "vera", {"r": 256}, {"batch_size": 4, "gradient_checkpointing": True}, 512),
    Case(
        "Qwen/Qwen2.5-1.5B",
        "full",
        {},
        {"batch_size": 8, "gradient_checkpointing": True, "trainable_dtype": "as_base"},
        256,
    ),
    Case("meta-llama/Llama-3.2-1B", "lora", {"r": 16}, {"batch_size": 4}, 512),
    Case("Qwen/Qwen2.5-0.5B", "lora", {"target_modules": "all-linear"}, {"batch_size": 16}, 128),
)


def main() -> None:
    """Print a block for each case and write all of it as JSON where that is asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default="", help="cases whose name holds this text")
    parser.add_argument("--steps", type=int, default=4)
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    warnings.filterwarnings("ignore")
    found = []
    for case in CASES:
        name = f"{case.model} {case.method} {case.parameters} {case.recipe} {case.num_tokens} tokens"
        if arguments.only not in name:
            continue
        try:
            result = {"case": name, **measured(case, arguments.steps)}
        except (ValueError, RuntimeError) as error:  # out of memory is a RuntimeError
            result = {"case": name, "error": f"{type(error).__name__}: {one_line(error)[:300]}"}
        found.append(result)
        print(json.dumps(result, indent=1), flush=True)
    if arguments.out is not None:
        arguments.out.write_text(json.dumps(found, indent=1), encoding="utf-8")


def measured(case: Case, steps: int) -> dict[str, Any]:
    """Return prediction and measurement of one case, in bytes."""
    on_gpu = torch.cuda.is_available()
    shape = find_shape(
        case.model if on_gpu else ("sentence-transformers/all-MiniLM-L6-v2" if "bert" in case.model else "toy:llama")
    )
    recipe = Recipe.read({"dtype": "bfloat16", "steps": steps, "warmup_ratio": 0.0, **case.recipe}, case.model)
    spec = resolve(MethodEntry(name=case.method, parameters=case.parameters))
    num_tokens = case.num_tokens if on_gpu else 32
    settings = EstimateSettings(recipe=recipe, device="cuda" if on_gpu else "cpu", sequence_length=num_tokens)
    lengths = padded_lengths(recipe.batch_size, num_tokens)
    began = time.perf_counter()
    predicted = predict(shape, partial(build, spec), settings, lambda: workload_for(shape, settings, lengths))
    peak = peak_of(predicted.log, settings)
    result: dict[str, Any] = {"predicting_seconds": time.perf_counter() - began, "predicted_bytes": peak.peak_bytes}
    if not on_gpu:
        return result
    gc.collect()
    torch.cuda.empty_cache()
    device = torch.device("cuda")
    model = build_skeleton(shape, settings, device).to(device)
    workload = workload_for(shape, settings, lengths)
    context = Context(recipe, LEARNING_RATE, 0, toy_tokenizer(), shape.kind, workload.objective)
    method = build(spec)
    wrapped = method.wrap(model, context)
    method.before_training(wrapped, context, workload.batches)
    gc.collect()
    torch.cuda.empty_cache()
    torch.cuda.reset_peak_memory_stats()
    before = torch.cuda.memory_allocated()
    torch.cuda.memory._record_memory_history(max_entries=2_000_000, stacks="python")
    optimizer = method.optimizer(wrapped, context)
    train(wrapped, method, optimizer, workload.batches, recipe, objective=workload.objective)
    trace = torch.cuda.memory._snapshot()["device_traces"][torch.cuda.current_device()]
    torch.cuda.memory._record_memory_history(enabled=None)
    held = torch.cuda.memory_allocated()
    result |= {
        "before_training_bytes": before,
        "held_peak_bytes": torch.cuda.max_memory_allocated(),
        "predicted_reserved_bytes": peak.reserved_bytes,
        "reserved_peak_bytes": torch.cuda.max_memory_reserved(),
    }
    torch._C._cuda_clearCublasWorkspaces()
    result["cublas_workspace_bytes"] = held - torch.cuda.memory_allocated()
    result["ratio_held"] = peak.peak_bytes / result["held_peak_bytes"]
    result["ratio_reserved"] = (peak.reserved_bytes or 0) / result["reserved_peak_bytes"]
    result["live_at_peak"] = largest_at_peak(trace)
    return result


def largest_at_peak(trace: list[dict[str, Any]]) -> list[str]:
    """Return the largest groups of blocks that were allocated during training and live at its peak."""
    live: dict[int, dict[str, Any]] = {}
    total = peak = 0
    at_peak: dict[int, dict[str, Any]] = {}
    place_of_peak = 0
    for place, event in enumerate(trace):  # first find the moment, then the blocks of that moment
        if event["action"] == "alloc":
            total += event["size"]
        elif event["action"] == "free_completed":
            total -= event["size"]
        if total > peak:
            peak, place_of_peak = total, place
    for event in trace[: place_of_peak + 1]:
        if event["action"] == "alloc":
            live[event["addr"]] = event
        elif event["action"] == "free_completed":
            live.pop(event["addr"], None)
    at_peak = live
    groups: Counter[tuple[int, str]] = Counter((event["size"], _asked_by(event)) for event in at_peak.values())
    largest = sorted(groups.items(), key=lambda item: -item[0][0] * item[1])[:_SHOWN_BLOCKS]
    return [f"{count} x {size / 1e6:.1f} MB = {count * size / 1e6:.0f} MB: {where}" for (size, where), count in largest]


def _asked_by(event: dict[str, Any]) -> str:
    frames = [
        f"{Path(frame['filename']).name}:{frame['line']} {frame['name']}"
        for frame in event.get("frames", [])
        if frame["filename"].endswith(".py") and "/torch/" not in frame["filename"]
    ]
    return " < ".join(frames[:3])


if __name__ == "__main__":
    main()
