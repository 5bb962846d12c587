"""Steps of packed trials and answers of each generator on one GPU, as ratios measured side by side in one run.

    python -m benchmarks.gpu.speed [--packs 1,4,8,16] [--steps 8] [--rounds 2] [--seconds 285] [--toy]

Needs: one GPU with 80 GB or more, torch with CUDA and a C++ compiler (for the compiled steps), the packages of
Paretune, and nothing from the network: the shape is Llama-3.2-3B's, with random weights in bfloat16 and LoRA r=32 on q
and v.
Nothing new is begun after `--seconds`, and what memory or time did not allow is said in its line. `--toy` runs the same
on a toy shape, on a CPU in seconds and not compiled: that shows that it runs, and its values mean nothing.

Steps: 4 rows of 210 tokens for each trial. A step of a pack is one of all its trials. Its check before the first step
is not timed; `benchmarks.packed` times that as well. Answers: the model's output layer is changed so that it counts up
from the last token of a prompt to a token that ends the answer, so that answers have known and unequal lengths.
"""

import argparse
import random
import statistics
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import nullcontext
from functools import partial
from itertools import repeat
from typing import Any, NamedTuple

import torch
from torch import nn

from benchmarks.answers import answers_by, timed
from benchmarks.gpu import maths
from benchmarks.packed import Source, alone_seconds, packed_seconds, ready, tidy
from paretune.engine import GENERATORS, Answering
from paretune.engine.packing import NotPackable, sharing_copy
from paretune.methods import resolve
from paretune.models.hardware import default_device
from paretune.models.toy import toy_tokenizer
from paretune.spec import MethodEntry, MethodSpec, Recipe, one_line

ROWS, ROW_TOKENS, TOY_TOKENS = 4, 210, 16
_WARM_UP_STEPS = 3
_FIRST, _END = 34, 99
"""The first token that a prompt may end in, and the one that ends an answer. All are printable in the toy tokenizer."""
_SHRUNK = 1e-3
OTHER_RECIPES: dict[str, dict[str, Any]] = {
    "alone": {},
    "alone, loss in 8 chunks": {"loss_chunks": 8},
    "alone, blocks compiled": {"compile": "blocks"},
    "alone, compiled": {"compile": True},
}
"""Changes of the recipe, by the names of their lines. Packs are not compiled."""


class Sizes(NamedTuple):
    """How much is measured."""

    packs: tuple[int, ...]
    steps: int
    rounds: int
    num_prompts: int
    answer_batch_sizes: tuple[int, ...]


class Deadline:
    """Says when nothing new may begin."""

    def __init__(self, seconds: float) -> None:
        """Count from now."""
        self._end = time.monotonic() + seconds

    def passed(self) -> bool:
        """Tell whether it has."""
        return time.monotonic() > self._end


def main() -> None:
    """Print a line for each way to train and to answer."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--packs", default="1,4,8,16", help="numbers of trials in a pack")
    parser.add_argument("--steps", type=int, default=8, help="steps of a training, of which the first 3 are not timed")
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--prompts", type=int, default=64)
    parser.add_argument("--answer-batch-sizes", default="16,64")
    parser.add_argument("--seconds", type=float, default=285.0, help="begin nothing new after so many")
    parser.add_argument("--toy", action="store_true")
    given = parser.parse_args()
    sizes = Sizes(_numbers(given.packs), given.steps, given.rounds, given.prompts, _numbers(given.answer_batch_sizes))
    if given.toy:
        sizes = sizes._replace(steps=_WARM_UP_STEPS + 1, rounds=1, num_prompts=6, answer_batch_sizes=(2, 4))
    elif not torch.cuda.is_available():
        parser.error("there is no GPU here; --toy runs on a CPU")
    where = torch.cuda.get_device_name() if torch.cuda.is_available() else "CPU"
    print(f"{where}, {'a toy shape: values mean nothing' if given.toy else 'the shape of Llama-3.2-3B, bfloat16'}")
    for line in lines(sizes, Deadline(given.seconds), toy=given.toy):
        print(line, flush=True)


def lines(sizes: Sizes, deadline: Deadline, *, toy: bool) -> Iterator[str]:
    """Yield what is found out, line by line: steps, answers, and last other recipes, since compiling takes longest."""
    kept = maths.llama(tiny=toy).to(default_device()).requires_grad_(requires_grad=False)
    batch = maths.batch_of([TOY_TOKENS if toy else ROW_TOKENS] * ROWS, tiny=toy)
    source = Source(partial(sharing_copy, kept), toy_tokenizer(), lambda _: repeat(batch))
    spec = resolve(MethodEntry(name="lora", parameters={"r": 32, "target_modules": ["q_proj", "v_proj"]}))
    recipe = Recipe(steps=sizes.steps, batch_size=ROWS, warmup_ratio=0, schedule="constant", dtype="bfloat16")
    alone = partial(alone_seconds, source, spec)
    packs = {f"pack of {size}": partial(packed_seconds, source, spec, recipe, size) for size in sizes.packs}
    yield from step_lines({"alone": partial(alone, recipe, 1), **packs}, sizes.rounds, deadline)
    yield from answer_lines(kept, source, spec, sizes, deadline)
    others = {name: partial(alone, recipe.model_copy(update=changes), 1) for name, changes in OTHER_RECIPES.items()}
    with torch.compiler.set_stance("force_eager") if toy else nullcontext():
        yield from step_lines(others, 1, deadline)


def step_lines(trainings: Mapping[str, Callable[..., object]], rounds: int, deadline: Deadline) -> Iterator[str]:
    """Yield a line for each way to train, by its name, with ratios to the first one in the same round."""
    ways = {name: partial(step_seconds, run) for name, run in trainings.items()}
    found: dict[str, list[float | str]] = {name: [] for name in ways}
    for number in range(rounds):
        for name in list(ways) if number % 2 == 0 else reversed(ways):
            found[name].append(attempt(ways[name], deadline))
    for name, values in found.items():
        yield f"step, {name:24} {against(values, found[next(iter(ways))])}"


def step_seconds(run: Callable[..., object]) -> float:
    """Return the median seconds of the steps of a training, which is run with `on_step`, without the first ones."""
    taken: list[float] = []
    run(on_step=lambda step, loss, seconds: taken.append(seconds))  # noqa: ARG005 (the loop's signature)
    return statistics.median(taken[_WARM_UP_STEPS:])


def answer_lines(
    kept: nn.Module, source: Source, spec: MethodSpec, sizes: Sizes, deadline: Deadline
) -> Iterator[str]:  # fmt: skip
    """Yield a line for each generator and batch size, with ratios to the first generator with the smallest batches."""
    recipe = Recipe(dtype="bfloat16")
    model = ready(source._replace(batches=lambda _: ()), spec, recipe, 0, counting(kept)).model.eval()
    prompts, expected = questions(sizes.num_prompts, source.tokenizer)
    how = Answering(max_new_tokens=_END - _FIRST + 1, stop=(), end_ids=(_END,))
    ways = {
        f"{name}, {size} at once": partial(answers_by, generate, source.tokenizer, prompts, how, size)
        for name, generate in GENERATORS.items()
        for size in sizes.answer_batch_sizes
    }
    first = next(iter(ways))
    attempt(partial(timed_answers, ways[first], model, expected), deadline)  # warms caches and allocators up
    found: dict[str, list[float | str]] = {name: [] for name in ways}
    for number in range(sizes.rounds):
        for name in list(ways) if number % 2 == 0 else reversed(ways):
            found[name].append(attempt(partial(timed_answers, ways[name], model, expected), deadline))
    for name, values in found.items():
        yield f"answers, {name:24} {against(values, found[first])}"


def timed_answers(generate: Callable[[Any], list[str]], model: nn.Module, expected: list[str]) -> float:
    """Return the seconds that answers take. Raises `ValueError` where they are not those expected."""
    answers, seconds = timed(generate, model)
    wrong = sum(map(str.__ne__, answers, expected))
    if wrong:
        raise ValueError(f"{wrong} of {len(answers)} answers are wrong")
    return seconds


def counting(model: nn.Module) -> nn.Module:
    """Return a model that shares what it can, and whose likeliest next token is the last one plus 1.

    Embeddings are large beside what layers add to them, and row n + 1 of the output layer is the embedding of n. The
    same products are computed as with any other weights.
    """
    copy: Any = sharing_copy(model)
    with torch.no_grad():
        embeddings = torch.randn_like(copy.get_input_embeddings().weight)
        copy.get_input_embeddings().weight = nn.Parameter(embeddings, requires_grad=False)
        copy.get_output_embeddings().weight = nn.Parameter(embeddings.roll(1, dims=0), requires_grad=False)
        for layer in copy.model.layers:
            for product in (layer.self_attn.o_proj, layer.mlp.down_proj):
                product.weight = nn.Parameter(product.weight * _SHRUNK, requires_grad=False)
    return copy  # type: ignore[no-any-return]


def questions(number: int, tokenizer: Any) -> tuple[list[list[int]], list[str]]:
    """Return prompts of 40 to 120 tokens, and a counting model's answers: 0 to 64 tokens and one that ends them."""
    draw = random.Random(0)
    prompts = [
        [*(draw.randrange(_FIRST, _END) for _ in range(draw.randrange(39, 120))), draw.randrange(_FIRST, _END)]
        for _ in range(number)
    ]
    return prompts, [tokenizer.decode(range(prompt[-1] + 1, _END + 1)) for prompt in prompts]


def attempt(measure: Callable[[], float], deadline: Deadline) -> float | str:
    """Return what is measured, or why it is not: one cell of the table must not end the others."""
    if deadline.passed():
        return "not begun: the time was up"
    try:
        return measure()
    except (NotPackable, torch.OutOfMemoryError, ValueError, RuntimeError) as error:
        return f"{type(error).__name__}: {one_line(error)[:100]}"
    finally:
        tidy()


def against(values: list[float | str], others: list[float | str]) -> str:
    """Return the median of what was measured, and of its ratios to what was measured in the same rounds."""
    seconds = [value for value in values if isinstance(value, float)]
    if not seconds:
        return str(values[0])
    pairs = zip(values, others, strict=True)
    ratios = [one / other for one, other in pairs if isinstance(one, float) and isinstance(other, float)]
    text = f"{statistics.median(seconds):9.4f} s"
    if not ratios:
        return text
    return f"{text}   ratio {statistics.median(ratios):.3f} (of {min(ratios):.3f} to {max(ratios):.3f})"


def _numbers(text: str) -> tuple[int, ...]:
    return tuple(map(int, text.split(",")))


if __name__ == "__main__":
    main()
