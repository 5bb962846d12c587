"""Step time and memory of image methods in our loop, beside what peft's comparison publishes.

    python benchmarks/gpu/images.py [--published METHOD_COMPARISON/image-gen] [--steps 20] [--methods "lora,oft"]

On a GPU: the transformer of FLUX.2-klein-base-4B with random weights in bfloat16; nothing is downloaded. Batches of 2
pictures of 512 pixels (1024 tokens) with captions of 512 tokens, of random content, under the recipe of
`studies/cat-plushy-flux2-klein.toml`. Without a GPU the same runs on a toy shape: that shows that it runs, and its
values mean nothing. Published memory is what the allocator had reserved in training, on another card.
"""

import argparse
import gc
import json
import statistics
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import torch

from paretune.engine import train
from paretune.engine.diffusion import Captioned, FlowBatch, drawn_times, flow_batch, flow_loss
from paretune.kinds import kind_named
from paretune.measure import count_peak_bytes
from paretune.methods import Context, build, resolve
from paretune.models import find_shape
from paretune.models.codec import token_positions
from paretune.models.toy_diffusion import toy_diffusion
from paretune.spec import DIFFUSION, ImageRecipe, MethodEntry, Recipe, Study

STUDY = Path(__file__).parents[2] / "studies" / "cat-plushy-flux2-klein.toml"
BASE = "black-forest-labs/FLUX.2-klein-base-4B"
MORE = (
    MethodEntry(name="lora", label="lora rank64", learning_rate=1e-4, parameters={"r": 64, "lora_alpha": 64}),
    MethodEntry(name="dora", label="dora", learning_rate=1e-4, parameters={"r": 64, "lora_alpha": 64}),
    MethodEntry(name="miss", learning_rate=1e-4, parameters={"r": 32}),
    MethodEntry(name="vera", learning_rate=1e-3),
)
THEIRS = {"full": "full-finetuning", "lora rank64": "lora--flux2-klein-rank64"}
"""Names of published results where they are not METHOD--flux2-klein."""
SIDE_TOKENS, TEXT_TOKENS = 32, 512


class Measured(NamedTuple):
    """One method in our loop."""

    step_seconds: float
    peak_bytes: int
    """Allocated."""
    reserved_bytes: int | None
    """On a GPU what the allocator had reserved at most."""


def main() -> None:
    """Print a line for each method."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--published", type=Path, help="the folder of their image task")
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--methods", default="", help="labels, separated by commas; all by default")
    arguments = parser.parse_args()
    study = Study.from_toml(STUDY)
    recipe = study.recipe.model_copy(update={"steps": arguments.steps})
    entries = {entry.label or entry.name: entry for entry in (*study.methods[1:], *MORE)}
    on_gpu = torch.cuda.is_available()
    print(f"{torch.cuda.get_device_name()}, klein-base-4B's shape" if on_gpu else "no GPU: a toy shape, for trial only")
    for label in arguments.methods.split(",") if arguments.methods else entries:
        try:
            found = measured(entries[label], recipe, on_gpu=on_gpu)
        except (ValueError, torch.OutOfMemoryError) as error:
            print(f"{label:14} {type(error).__name__}: {' '.join(str(error).split())[:90]}", flush=True)
            continue
        held = f"{found.peak_bytes / 1e9:.2f} GB held"
        if found.reserved_bytes is not None:
            held += f", {found.reserved_bytes / 1e9:.2f} GB reserved"
        theirs = published(arguments.published, label) if arguments.published else ""
        print(f"{label:14} {found.step_seconds * 1e3:8.1f} ms a step, {held}{theirs}", flush=True)


def measured(entry: MethodEntry, recipe: Recipe, *, on_gpu: bool) -> Measured:
    """Train for the recipe's steps and return clock and memory."""
    gc.collect()
    if on_gpu:
        torch.cuda.empty_cache()
    model = transformer(on_gpu=on_gpu)
    objective = flow_loss("velocity")
    context = Context(recipe, entry.learning_rate, 0, None, kind=kind_named(DIFFUSION).traits, objective=objective)
    method = build(resolve(entry))
    torch.manual_seed(0)
    wrapped = method.wrap(model, context)
    gc.collect()
    if on_gpu:  # building the model in float32 had reserved more than training needs
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats()
    optimizer = method.optimizer(wrapped, context)
    stream = batches(recipe, model.config.in_channels, model.config.joint_attention_dim, on_gpu=on_gpu)
    result = train(wrapped, method, optimizer, stream, recipe, objective=objective)
    seconds = statistics.median(result.step_seconds[2:] or result.step_seconds)
    if on_gpu:
        return Measured(seconds, torch.cuda.max_memory_allocated(), torch.cuda.max_memory_reserved())
    once = recipe.model_copy(update={"steps": 1})
    peak = count_peak_bytes(wrapped, lambda: train(wrapped, method, optimizer, stream, once, objective=objective))
    return Measured(seconds, peak, None)


def transformer(*, on_gpu: bool) -> Any:
    """Return a transformer with random weights in bfloat16, of klein-base-4B's shape or of a toy's."""
    from diffusers import Flux2Transformer2DModel

    if on_gpu:
        config = {name: value for name, value in find_shape(BASE).config.items() if not name.startswith("_")}
        with torch.device("cuda"):
            model: Any = Flux2Transformer2DModel.from_config(config).to(torch.bfloat16)
    else:
        model = toy_diffusion().to(torch.bfloat16)
    return model


def batches(recipe: Recipe, channels: int, text_width: int, *, on_gpu: bool) -> Iterator[FlowBatch]:
    """Yield batches without end, of random pictures and captions."""
    side, text_tokens = (SIDE_TOKENS, TEXT_TOKENS) if on_gpu else (4, 6)
    generator = torch.Generator().manual_seed(0)
    size = recipe.batch_size
    captioned = Captioned(
        torch.randn(size, side * side, channels, generator=generator),
        torch.randn(size, text_tokens, text_width, generator=generator).to(torch.bfloat16),
        token_positions(side),
    )
    times = torch.linspace(1, 0.001, 1000)
    while True:
        time, weight = drawn_times(recipe.image or ImageRecipe(), times, size, generator)
        noise = torch.randn(captioned.pictures.shape, generator=generator)
        yield flow_batch(captioned, torch.arange(size), noise, time, weight, "velocity")


def published(folder: Path, label: str) -> str:
    """Return what the published result of a method says, or nothing where there is none."""
    start = THEIRS.get(label, label)
    found = sorted((folder / "results").glob(f"{start if '--' in start else f'{start}--flux2-klein'}*.json"))
    if not found:
        return ""
    train_info = json.loads(found[0].read_text(encoding="utf-8"))["train_info"]
    seconds = sum(entry.get("train time", 0.0) for entry in train_info["metrics"])
    steps = max(entry["step"] for entry in train_info["metrics"] if "train time" in entry)
    reserved = train_info["accelerator_memory_max"] / 1e9
    return f" | published {1e3 * seconds / steps:.0f} ms, {reserved:.2f} GB reserved ({found[0].stem})"


if __name__ == "__main__":
    main()
