"""Step time and memory of peft's published maths experiments in our loop, beside what was published.

    python -m benchmarks.gpu.maths [--published METHOD_COMPARISON/MetaMathQA] [--steps 20] [--labels "lora rank32,ia3"]

On a GPU: the shape of Llama-3.2-3B with random weights in bfloat16; nothing is downloaded. Batches of 4 rows hold as
many tokens as theirs on average (840), with random content; one batch of the longest rows sets the peak. How long those
are is the assumption of `benchmarks/published_lengths.py`. Without a GPU the same runs on a toy shape: that shows that
it runs, and its values mean nothing.

Published memory also covers generation in batches of 50, and another card was used: both are said beside the values.
"""

import argparse
import gc
import json
import math
import random
import statistics
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import torch

from benchmarks.published_lengths import LONGEST_TOKENS, MEAN_TOKENS
from paretune.engine import Batch, train
from paretune.interop.importers.peft_settings import read_label
from paretune.measure import count_peak_bytes
from paretune.methods import Context, build, resolve
from paretune.models.toy import toy_tokenizer
from paretune.spec import MethodEntry, Recipe, Study

STUDY = Path(__file__).parents[2] / "studies" / "gsm8k-llama3.2-3b-peft.toml"
LABELS = (
    "lora rank32", "lora rank64", "lora rank64-rslora", "lora rank32-dora", "lora rank32-lorafa", "miss", "oft rank32",
    "ia3", "vera", "delora rank32", "gralora rank32", "lokr rank32-factor4-lr0.003", "prefixtuning lr_0.001",
    "prompt_tuning", "lily rank140-mlp-a2-b2-s8.0", "full-finetuning lr_0.00001",
)  # fmt: skip


_SPREAD, _SHORTEST = 0.4, 30
"""Standard deviation of the logarithm of a batch's length, and the fewest tokens of a row."""


class Measured(NamedTuple):
    """One experiment in our loop."""

    step_seconds: float
    peak_bytes: int
    """Allocated, in the step with the longest rows."""
    reserved_bytes: int | None
    """On a GPU what the allocator had reserved at most."""


class Published(NamedTuple):
    """What the published result says of it."""

    step_seconds: float
    reserved_bytes: int


def main() -> None:
    """Print a line for each experiment."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--published", type=Path, help="the folder of their maths task")
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--labels", default=",".join(LABELS))
    arguments = parser.parse_args()
    study = Study.from_toml(STUDY)
    entries = {entry.label: entry for entry in study.methods}
    theirs = published_figures(arguments.published / "results") if arguments.published else {}
    on_gpu = torch.cuda.is_available()
    print(f"{torch.cuda.get_device_name()}, Llama-3.2-3B's shape" if on_gpu else "no GPU: a toy shape, for trial only")
    for label in arguments.labels.split(","):
        entry = entries[label]
        recipe = study.recipe.model_copy(update={"steps": arguments.steps, **entry.recipe})
        try:
            found = measured(entry, recipe, on_gpu=on_gpu)
        except (ValueError, IndexError, torch.OutOfMemoryError) as error:
            print(f"{label:40} {type(error).__name__}: {' '.join(str(error).split())[:90]}", flush=True)
            continue
        print(f"{label:40} {line(found, theirs.get(label), on_gpu=on_gpu)}", flush=True)


def line(found: Measured, theirs: Published | None, *, on_gpu: bool) -> str:
    """Return the values of one experiment as text."""
    held = f"{found.peak_bytes / 1e9:.2f} GB held"
    if found.reserved_bytes is not None:
        held += f", {found.reserved_bytes / 1e9:.2f} GB reserved"
    text = f"{found.step_seconds * 1e3:8.1f} ms a step, {held}"
    if theirs is None:
        return text
    text += f" | published {theirs.step_seconds * 1e3:.1f} ms (NVIDIA L40S), {theirs.reserved_bytes / 1e9:.2f} GB"
    return text + (f" | ratio of times {found.step_seconds / theirs.step_seconds:.2f}" if on_gpu else "")


def measured(entry: MethodEntry, recipe: Recipe, *, on_gpu: bool) -> Measured:
    """Train for the recipe's steps, then once on the longest rows, and return clock and memory."""
    gc.collect()
    if on_gpu:
        torch.cuda.empty_cache()
    device = torch.device("cuda" if on_gpu else "cpu")
    tokenizer = toy_tokenizer()
    model = llama(tiny=not on_gpu).to(device)
    context = Context(recipe, entry.learning_rate, 0, tokenizer)
    method = build(resolve(entry))
    torch.manual_seed(0)
    wrapped = method.wrap(model, context)
    result = train(wrapped, method, method.optimizer(wrapped, context), batches(recipe, tiny=not on_gpu), recipe)
    once = recipe.model_copy(update={"steps": 1, "warmup_ratio": 0.0})

    def longest() -> None:
        train(wrapped, method, method.optimizer(wrapped, context), longest_rows(recipe, tiny=not on_gpu), once)

    seconds = statistics.median(result.step_seconds[2:] or result.step_seconds)
    if not on_gpu:
        return Measured(seconds, count_peak_bytes(wrapped, longest), None)
    torch.cuda.empty_cache()
    torch.cuda.reset_peak_memory_stats()
    longest()
    return Measured(seconds, torch.cuda.max_memory_allocated(), torch.cuda.max_memory_reserved())


def llama(*, tiny: bool) -> Any:
    """Return a model with random weights in bfloat16, of Llama-3.2-3B's shape or of a toy's."""
    from transformers import LlamaConfig, LlamaForCausalLM

    shape = (
        {"hidden_size": 256, "intermediate_size": 512, "num_hidden_layers": 2, "num_attention_heads": 4}
        if tiny
        else {"hidden_size": 3072, "intermediate_size": 8192, "num_hidden_layers": 28, "num_attention_heads": 24}
    )
    config = LlamaConfig(
        **shape, vocab_size=1000 if tiny else 128_256, num_key_value_heads=4 if tiny else 8,
        head_dim=64 if tiny else 128, tie_word_embeddings=True, dtype="bfloat16", pad_token_id=0,
    )  # fmt: skip
    with torch.device("cpu" if tiny else "cuda"):
        return LlamaForCausalLM(config).to(torch.bfloat16)


def batches(recipe: Recipe, *, tiny: bool) -> Iterator[Batch]:
    """Yield batches without end, rows of one batch being about equally long, as windows sorted by length make them."""
    draw = random.Random(0)
    while True:
        middle = draw.lognormvariate(math.log(MEAN_TOKENS) - _SPREAD**2 / 2, _SPREAD)
        sizes = (round(middle * draw.uniform(0.95, 1.05)) for _ in range(recipe.batch_size))
        rows = [min(LONGEST_TOKENS, max(_SHORTEST, size)) for size in sizes]
        yield batch_of(rows, tiny=tiny)


def longest_rows(recipe: Recipe, *, tiny: bool) -> Iterator[Batch]:
    """Yield batches of the longest rows."""
    while True:
        yield batch_of([LONGEST_TOKENS] * recipe.batch_size, tiny=tiny)


def batch_of(lengths: list[int], *, tiny: bool) -> Batch:
    """Return random tokens in rows of these lengths; all but the first of each row are learned."""
    there = torch.arange(max(lengths))[None, :] < torch.tensor(lengths)[:, None]
    ids = torch.randint(4, 1000 if tiny else 128_000, there.shape) * there
    learned = there.clone()
    learned[:, 0] = False
    return Batch(ids, there.long(), learned)


def published_figures(folder: Path) -> dict[str, Published]:
    """Return the published step times and peaks by the label of their experiment."""
    found = {}
    for path in sorted(folder.glob("*.json")):
        result = json.loads(path.read_text(encoding="utf-8"))
        run, info = result["run_info"], result["train_info"]
        timed = [entry for entry in info["metrics"] if "train time" in entry]
        seconds = sum(entry["train time"] for entry in timed) / timed[-1]["step"]
        label = read_label(run["experiment_name"], run["train_config"]["model_id"])
        found[label] = Published(seconds, info["accelerator_memory_max"])
    return found


if __name__ == "__main__":
    main()
