"""Does a server answer as Paretune does? llama.cpp's, on the CPU, with a base model and LoRA adapters.

    python -m benchmarks.serving CHECKPOINT [CHECKPOINT ...] [--questions 64] [--threads 1] [--adapters 8]

Each checkpoint is one of Paretune's that `paretune export adapter --for llama.cpp` takes, all on one base model. The
base model is written as GGUF in float32, the adapters in float32; token ids go in and come out. Printed are, for the
base model and each adapter, how many greedy answers are the same token by token, and where the others part: the two
largest logits there, as this process computes them. Then latency and throughput of the server for the base, one
adapter, an adapter merged into the base, and several adapters at once, with requests that arrive together.

Needs `xllamacpp`, which holds llama.cpp (tried: 2026.10.11549), and about six times the base model's size in memory.
"""

import argparse
import json
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import cycle
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import nn

from benchmarks.llama_cpp import LlamaCpp, write_gguf_model
from paretune.engine.answering import answering
from paretune.engine.encoding import encode_questions
from paretune.methods import build
from paretune.methods.gguf_adapter import not_for_llama_cpp, write_gguf_adapter
from paretune.methods.merging import merge_adapter
from paretune.methods.plain_lora import plain_lora_layers, saved_config
from paretune.models import load_model
from paretune.spec import Trial
from paretune.tasks import get_any_task

_BATCH = 16


class Parted(NamedTuple):
    """Where two answers to one question stop being the same."""

    place: int
    ours: int
    theirs: int
    gap: float
    """By how much the logit of our token is above that of theirs."""


def greedy(model: nn.Module, prompts: Sequence[list[int]], length: int, ends: Sequence[int]) -> list[list[int]]:
    """Return this process's greedy answers, without the token that ends them, in padded batches."""
    found: list[list[int]] = []
    for start in range(0, len(prompts), _BATCH):
        rows = prompts[start : start + _BATCH]
        width = max(map(len, rows))
        ids = torch.tensor([[ends[0]] * (width - len(row)) + row for row in rows])
        mask = torch.tensor([[0] * (width - len(row)) + [1] * len(row) for row in rows])
        with torch.no_grad():
            whole = model.generate(  # type: ignore[operator]
                input_ids=ids, attention_mask=mask, do_sample=False, max_new_tokens=length, eos_token_id=list(ends),
                pad_token_id=ends[0],
            )  # fmt: skip
        found += [until_the_end(row[width:].tolist(), ends) for row in whole]
    return found


def until_the_end(tokens: list[int], ends: Sequence[int]) -> list[int]:
    """Return an answer without what comes after its end."""
    places = [place for place, token in enumerate(tokens) if token in ends]
    return tokens[: places[0]] if places else tokens


def parted(model: nn.Module, prompt: list[int], ours: list[int], theirs: list[int], end: int) -> Parted | None:
    """Return where two answers part, or None where they are the same."""
    if ours == theirs:
        return None
    first, second = [*ours, end], [*theirs, end]
    place = next(place for place, (one, other) in enumerate(zip(first, second, strict=False)) if one != other)
    with torch.no_grad():
        logits = model(input_ids=torch.tensor([prompt + ours[:place]])).logits[0, -1]
    return Parted(place, first[place], second[place], float(logits[first[place]] - logits[second[place]]))


def compare(name: str, model: nn.Module, server: LlamaCpp, adapter: int | None, asked: dict[str, Any]) -> None:
    """Print how many answers of a model and of the server are the same, and where the others part."""
    prompts, length, ends = asked["prompts"], asked["length"], asked["ends"]
    theirs = [until_the_end(server.answer(prompt, length, adapter).tokens, ends) for prompt in prompts]
    print_compared(name, model.eval(), theirs, asked)


def print_compared(name: str, model: nn.Module, theirs: Sequence[list[int]], asked: dict[str, Any]) -> None:
    """Print how many answers of a model are the same as those of a server, and where the others part."""
    prompts, ends = asked["prompts"], asked["ends"]
    ours = greedy(model, prompts, asked["length"], ends)
    others = [
        found
        for prompt, one, other in zip(prompts, ours, theirs, strict=True)
        if (found := parted(model, prompt, one, other, ends[0]))
    ]
    num_tokens = sum(map(len, ours))
    print(
        f"{name}: {len(prompts) - len(others)} of {len(prompts)} answers are the same ({num_tokens} tokens)", flush=True
    )
    for found in others:
        print(f"  part at token {found.place}: {found.ours} here, {found.theirs} there, logits {found.gap:.2g} apart")


def timed(
    name: str, server: LlamaCpp, prompts: Sequence[list[int]], adapters: Sequence[int | None], length: int
) -> None:
    """Print what requests that arrive together take, one for each entry of `adapters`, each of `length` tokens."""
    begun = time.perf_counter()
    with ThreadPoolExecutor(len(adapters)) as pool:
        requests = [
            pool.submit(server.answer, prompt, length, adapter, to_the_end=True)
            for prompt, adapter in zip(cycle(prompts), adapters, strict=False)
        ]
        for request in requests:
            request.result()
    seconds = time.perf_counter() - begun
    print(
        f"{name}: {len(adapters)} requests in {seconds:.2f} s, {len(adapters) * length / seconds:.1f} tokens a second"
    )


def main() -> None:
    """Compare answers, then time the server."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checkpoints", nargs="+", type=Path)
    parser.add_argument("--questions", type=int, default=64)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--adapters", type=int, default=8)
    parser.add_argument("--tokens", type=int, default=32, help="of each timed answer")
    given = parser.parse_args()
    trials = [Trial.read(json.loads((one / "trial.json").read_text()), str(one)) for one in given.checkpoints]
    first = trials[0]
    loaded = load_model(first.base_model)
    config = loaded.model.config.to_dict()
    task: Any = get_any_task(first.task.name, first.task.options)
    prompts = encode_questions(task, task.examples("test")[: given.questions], loaded.tokenizer, 0)
    length, _, end_ids = answering(task, loaded.tokenizer)
    asked = {"prompts": prompts, "length": length, "ends": [loaded.tokenizer.eos_token_id, *end_ids]}
    with tempfile.TemporaryDirectory() as folder:
        files = []
        for place, checkpoint in enumerate(given.checkpoints):
            if rule := not_for_llama_cpp(saved_config(checkpoint) or {}, checkpoint, config):
                raise SystemExit(f"{checkpoint}: {rule}")
            files.append(Path(folder) / f"{place}.gguf")
            write_gguf_adapter(plain_lora_layers(checkpoint), config, checkpoint.name, files[-1])
        base = Path(folder) / "base.gguf"
        write_gguf_model(loaded.model, config, loaded.tokenizer, base)
        server = LlamaCpp(base, files, threads=given.threads)
        compare(first.base_model, loaded.model, server, None, asked)
        merged: nn.Module | None = None
        for place, (checkpoint, trial) in enumerate(zip(given.checkpoints, trials, strict=True)):
            model = build(trial.method).load(load_model(trial.base_model).model, checkpoint)
            compare(str(checkpoint), model, server, place, asked)
            merged = merged or merge_adapter(model)
        del server
        merged_file = Path(folder) / "merged.gguf"
        assert merged is not None, "there is a checkpoint at least"
        write_gguf_model(merged, config, loaded.tokenizer, merged_file)
        _time_all(given, prompts, base, merged_file, [files[place % len(files)] for place in range(given.adapters)])


def _time_all(given: Any, prompts: Sequence[list[int]], base: Path, merged: Path, adapters: Sequence[Path]) -> None:
    """Print times for one request, and for as many as there are adapters."""
    several = len(adapters)
    with_adapters = LlamaCpp(base, adapters, slots=several, threads=given.threads)
    alone = LlamaCpp(merged, slots=several, threads=given.threads)
    for count in (1, several):
        for name, server, wanted in (
            ("base", with_adapters, [None] * count),
            ("one adapter", with_adapters, [0] * count),
            ("merged", alone, [None] * count),
            (f"{count} adapters", with_adapters, list(range(count))),
        ):
            timed(name, server, prompts, wanted, given.tokens)


if __name__ == "__main__":
    main()
