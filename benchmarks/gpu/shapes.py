"""Predicted memory against a GPU's allocator for shapes of several families, with what was live at the peak.

    python -m benchmarks.gpu.shapes [--only TEXT] [--steps 4] [--gpu h100] [--out shapes.json]

Random weights from the configs that come with Paretune; nothing is downloaded. For each case: bytes of live tensors
beside `max_memory_allocated`, reserved bytes beside `max_memory_reserved`, the peak of the passes and of the
optimizer's step in each step, the size of each workspace that cuBLAS holds, and the largest groups of blocks that were
live at the peak, by size and the line that asked for them. Without a GPU only the predictions are made. The file is
written anew after each case, and an error in one case is its result.
"""

import argparse
import json
import time
import warnings
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch.optim.optimizer import register_optimizer_step_post_hook, register_optimizer_step_pre_hook

from benchmarks.gpu.memory import ready
from paretune.estimate import EstimateSettings
from paretune.estimate.estimate import peak_of
from paretune.estimate.predict import predict
from paretune.estimate.workload import padded_lengths, workload_for
from paretune.kinds import Lengths
from paretune.methods import build, resolve
from paretune.models import ModelShape, find_shape
from paretune.spec import MethodEntry, MethodSpec, Recipe, one_line

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
    Case("google-bert/bert-base-uncased", "lora", {}, {"batch_size": 32, "trainable_dtype": "as_library"}, 128),
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
    parser.add_argument("--gpu", help="the card, such as h100; the largest workspaces where it is not named")
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    warnings.filterwarnings("ignore")
    found = []
    for case in CASES:
        name = f"{case.model} {case.method} {case.parameters} {case.recipe} {case.num_tokens} tokens"
        if arguments.only not in name:
            continue
        result: dict[str, Any] = {"case": name}
        for part in (predicted, measured) if torch.cuda.is_available() else (predicted,):
            try:
                result |= part(prepared(case, arguments.steps, arguments.gpu))
            except Exception as error:  # whatever a library raises: the other cases go on
                result[f"{part.__name__}_error"] = f"{type(error).__name__}: {one_line(error)[:300]}"
        found.append(result)
        print(json.dumps(result, indent=1), flush=True)
        if arguments.out is not None:
            arguments.out.write_text(json.dumps(found, indent=1), encoding="utf-8")


class Prepared(NamedTuple):
    """A case with everything filled in."""

    shape: ModelShape
    spec: MethodSpec
    settings: EstimateSettings
    lengths: list[Lengths]


def prepared(case: Case, steps: int, gpu: str | None = None) -> Prepared:
    """Return a case with its shape, method and batch."""
    recipe = Recipe.read({"dtype": "bfloat16", "steps": steps, "warmup_ratio": 0.0, **case.recipe}, case.model)
    spec = resolve(MethodEntry(name=case.method, parameters=case.parameters))
    settings = EstimateSettings(recipe=recipe, device="cuda", gpu=gpu, sequence_length=case.num_tokens)
    return Prepared(find_shape(case.model), spec, settings, padded_lengths(recipe.batch_size, case.num_tokens))


def predicted(case: Prepared) -> dict[str, Any]:
    """Return what is predicted for a case, in bytes."""
    shape, spec, settings, lengths = case
    began = time.perf_counter()
    found = predict(shape, partial(build, spec), settings, lambda: workload_for(shape, settings, lengths))
    peak = peak_of(found.log, settings)
    return {
        "predicting_seconds": time.perf_counter() - began,
        "predicted_bytes": peak.peak_bytes,
        "predicted_by_kind": {str(kind): num_bytes for kind, num_bytes in peak.by_kind.items()},
        "predicted_reserved_bytes": peak.reserved_bytes,
    }


def measured(case: Prepared) -> dict[str, Any]:
    """Return what the allocator says of a case, in bytes."""
    ready_case = ready(*case)
    result: dict[str, Any] = {"before_training_bytes": torch.cuda.memory_allocated()}
    torch.cuda.memory._record_memory_history(max_entries=2_000_000, stacks="python")
    try:
        with _peaks_by_phase() as phases:
            ready_case.train()
        num_events = len(_trace())
        torch._C._cuda_clearCublasWorkspaces()
        trace = _trace()
    finally:
        torch.cuda.memory._record_memory_history(enabled=None)
    freed = [event["size"] for event in trace[num_events:] if event["action"] == "free_completed"]
    return result | {
        "held_peak_bytes": max(phase.held_bytes for phase in phases),
        "reserved_peak_bytes": torch.cuda.max_memory_reserved(),
        "phases": [phase._asdict() for phase in phases],
        "cublas_workspaces_bytes": freed,
        "live_at_peak": largest_at_peak(trace[:num_events]),
    }


class Phase(NamedTuple):
    """The peak of the forward and backward pass, of an optimizer's step, or of what follows the last one."""

    name: str
    held_bytes: int
    left_bytes: int
    """Allocated when the phase ends."""


@contextmanager
def _peaks_by_phase() -> Iterator[list[Phase]]:
    """Fill a list with the phases of training. What is reserved never shrinks meanwhile, so its peak stays right."""
    phases: list[Phase] = []

    def end(name: str) -> None:
        phases.append(Phase(name, torch.cuda.max_memory_allocated(), torch.cuda.memory_allocated()))
        torch.cuda.reset_peak_memory_stats()

    hooks = (
        register_optimizer_step_pre_hook(lambda *_: end("passes")),
        register_optimizer_step_post_hook(lambda *_: end("optimizer")),
    )
    try:
        yield phases
    finally:
        for hook in hooks:
            hook.remove()
        end("rest")


def _trace() -> list[dict[str, Any]]:
    trace: list[dict[str, Any]] = torch.cuda.memory._snapshot()["device_traces"][torch.cuda.current_device()]
    return trace


def largest_at_peak(trace: list[dict[str, Any]]) -> list[str]:
    """Return the largest groups of blocks that were allocated during training and live at its peak."""
    live: dict[int, dict[str, Any]] = {}
    total = peak = 0
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
    groups: Counter[tuple[int, str]] = Counter((event["size"], _asked_by(event)) for event in live.values())
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
