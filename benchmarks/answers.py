"""What answering costs: fixed batches of transformers' `generate` against a pool of rows, alternating in one run.

    python -m benchmarks.answers [--adapters 8] [--questions 256] [--shots 0] [--batch-size 16] [--pool-size 16]
                                 [--continuous] [--checkpoints FOLDER ...]

One LoRA is trained on word problems; each further adapter is the one before after two more steps. Every adapter answers
the same questions by each generator, and answers must be identical. Times are those of the processor where there is no
accelerator, so that other programs count little. `--checkpoints` takes adapters of a study instead of training some.
`--shots N` puts N worked examples before every question, which all prompts share. `--continuous` adds `generate_batch`,
the continuous batching of transformers.
"""

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import torch
from rich.console import Console
from rich.progress import track

from paretune.engine import GENERATORS, Answering, Generator, answering, encode_questions, make_batches, train
from paretune.engine.generate import cut_before
from paretune.methods import Context, Method, build, resolve
from paretune.models import LoadedModel, load_model, prefetch
from paretune.models.hardware import default_device
from paretune.spec import EMBEDDED_MODEL, GeneratorName, MethodEntry, Recipe, Trial
from paretune.store import TRIAL_FILE
from paretune.tasks import get_task

FIXED = "fixed batches"
PAGE = 32
Generate = Callable[[Any], list[str]]


def main() -> None:
    """Print the seconds that each generator takes for an adapter's questions, and the ratios."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default=EMBEDDED_MODEL)
    parser.add_argument("--adapters", type=int, default=8)
    parser.add_argument("--questions", type=int, default=256)
    parser.add_argument("--shots", type=int, default=0)
    parser.add_argument("--batch-size", type=int, default=16, help="rows of a fixed batch")
    parser.add_argument("--pool-size", type=int, default=16, help="rows of the pool")
    parser.add_argument("--steps", type=int, default=16, help="training steps of the first adapter")
    parser.add_argument("--checkpoints", type=Path, nargs="+", default=[], help="folders in a study's adapters/")
    parser.add_argument("--continuous", action="store_true", help="also time generate_batch")
    arguments = parser.parse_args()
    prefetch(arguments.model)
    loaded = load_model(arguments.model)
    generators = dict(generators_for(loaded, arguments))
    seconds: dict[str, list[float]] = {name: [] for name in generators}
    with tempfile.TemporaryDirectory() as folder:
        adapters = [*map(kept, arguments.checkpoints)] or trained_adapters(loaded, Path(folder), arguments)
        for number, (method, place) in enumerate(track(adapters, description="adapters", console=Console(stderr=True))):
            model = method.load(load_model(arguments.model).model, place).to(default_device())
            found = {}
            for name in list(generators) if number % 2 == 0 else list(reversed(generators)):
                found[name], took = timed(generators[name], model)
                seconds[name].append(took)
            for name, answers in found.items():
                different = sum(map(str.__ne__, answers, found[FIXED]))
                assert not different, f"{name}: {different} answers differ from those in fixed batches"
    for name, values in seconds.items():
        print(f"{name:14} {statistics.median(values):7.2f} s an adapter (of {min(values):.2f} to {max(values):.2f})")
    for name in generators.keys() - {FIXED}:
        ratios = [fixed / other for fixed, other in zip(seconds[FIXED], seconds[name], strict=True)]
        print(f"{FIXED} / {name}: median of {len(ratios)} adapters {statistics.median(ratios):.2f}")


def timed(generate: Generate, model: Any) -> tuple[list[str], float]:
    """Return answers and the seconds they took: of the processor, or of the clock on an accelerator."""
    clock = time.perf_counter if torch.cuda.is_available() else time.process_time
    began = clock()
    return generate(model), clock() - began


def generators_for(loaded: LoadedModel, arguments: argparse.Namespace) -> Iterator[tuple[str, Generate]]:
    """Yield each generator's name, and a function from a model to its answers."""
    task = get_task("word_problems", {"test_size": arguments.questions})
    tokenizer = loaded.tokenizer
    prompts = encode_questions(task, task.examples("test"), tokenizer, arguments.shots)
    how = answering(task, tokenizer)
    names: tuple[tuple[str, GeneratorName, int], ...] = (
        (FIXED, "transformers", arguments.batch_size),
        ("pool", "pooled", arguments.pool_size),
    )
    for label, name, size in names:
        yield label, partial(answers_by, GENERATORS[name], tokenizer, prompts, how, size)
    if arguments.continuous:
        yield "generate_batch", lambda model: continuous(model, tokenizer, prompts, how, arguments.pool_size)


def answers_by(  # noqa: PLR0917
    generate: Generator, tokenizer: Any, prompts: list[list[int]], how: Answering, size: int, model: Any
) -> list[str]:
    """Return a model's answers, `size` of them at once."""
    return generate(model, tokenizer, prompts, batch_size=size, **how._asdict())


def continuous(model: Any, tokenizer: Any, prompts: list[list[int]], how: Answering, num_rows: int) -> list[str]:
    """Return the answers of `generate_batch`, which knows no stop strings: what follows one is cut off afterwards."""
    from transformers import ContinuousBatchingConfig, GenerationConfig

    pages = num_rows * -(-(max(map(len, prompts)) + how.max_new_tokens) // PAGE)
    config = ContinuousBatchingConfig(
        page_size=PAGE, num_blocks=2 * pages, max_batch_tokens=1024, max_requests_per_batch=num_rows
    )
    ends = {"eos_token_id": tokenizer.eos_token_id, "pad_token_id": tokenizer.pad_token_id}
    settings = GenerationConfig(max_new_tokens=how.max_new_tokens, do_sample=False, **ends)
    base = model.get_base_model()
    results = base.generate_batch(
        inputs=prompts, generation_config=settings, continuous_batching_config=config, progress_bar=False
    )
    texts = (tokenizer.decode(one.generated_tokens, skip_special_tokens=True) for one in results.values())
    return [cut_before(text, how.stop) for text in texts]


def kept(checkpoint: Path) -> tuple[Method, Path]:
    """Return the method of a checkpoint that a study left, and its folder."""
    trial = Trial.model_validate_json((checkpoint / TRIAL_FILE).read_text(encoding="utf-8"))
    return build(trial.method), checkpoint


def trained_adapters(
    loaded: LoadedModel, folder: Path, arguments: argparse.Namespace
) -> list[tuple[Method, Path]]:  # fmt: skip
    """Return a method and the folders of adapters of one training, each two steps after the one before."""
    method = build(resolve(MethodEntry(name="lora")))
    examples = get_task("word_problems").examples("train")
    recipe = Recipe(steps=arguments.steps, batch_size=8, warmup_ratio=0.0, schedule="constant")
    context = Context(recipe, 2e-3, 0, loaded.tokenizer)
    torch.manual_seed(0)
    model = method.wrap(loaded.model.to(default_device()), context)
    optimizer = method.optimizer(model, context)
    adapters = []
    for number in track(range(arguments.adapters), description="training", console=Console(stderr=True)):
        steps = recipe.model_copy(update={"steps": arguments.steps if number == 0 else 2})
        train(model, method, optimizer, make_batches(examples, loaded.tokenizer, recipe, number), steps)
        adapters.append((method, folder / str(number)))
        method.save(model, folder / str(number))
    return adapters


if __name__ == "__main__":
    main()
