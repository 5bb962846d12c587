"""Memory and step time of methods on NF4 and int8 bases against bfloat16, next to what `paretune estimate` predicts.

    python -m benchmarks.gpu.quantised [--model NAME,NAME] [--methods lora,ia3] [--formats bfloat16,nf4,int8]
        [--tokens 512] [--steps 8] [--seconds 285] [--gpu h100] [--out quantised.json]
    python -m benchmarks.gpu.quantised --predict-only --out quantised.json
    python -m benchmarks.gpu.quantised --model toy:llama --device cpu --tokens 32 --steps 4 --predict-here

Needs: one NVIDIA GPU with 80 GB or more; torch with CUDA; the wheels bitsandbytes>=0.50 and accelerate, and the other
packages of Paretune; nothing from the network. Models are the bundled configs of Llama-3.2-3B and Llama-3.1-8B with
random weights, loaded by transformers as those of a study are. All layers of one shape have the same weights.

Step time is the median of a training's steps without the first three. Allocated and reserved are the peaks of the same
training, from the moment when the method is attached and the allocator's cache is empty; `base` is what the base model
alone allocates and reserves then. Predicted is the same batch, by the code of `paretune estimate --quantisation`.
With random weights few inputs of a layer exceed the threshold of LLM.int8(): the step time of int8 is that of a model
with hardly any outlier columns.

Measuring comes first, predicting takes the time that is left, and nothing new is begun after `--seconds`. The file is
written after each value. What it holds already is not measured or predicted again: `--predict-only` fills predictions
in on any machine, before or after. `--device cpu` measures a toy on a CPU: that shows that the script runs, and its
values mean nothing for a GPU.
"""

import argparse
import gc
import multiprocessing
import os
import statistics
import sys
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import TypeVar

import torch

from benchmarks.gpu.quantised_base import Base, load_base
from benchmarks.gpu.quantised_rows import FORMATS, Row, Settings, kept_rows, table, write_rows
from benchmarks.memory_counted import LEARNING_RATE
from paretune.engine import train
from paretune.estimate import EstimateSettings
from paretune.estimate.estimate import peak_of
from paretune.estimate.gpus import find_gpu
from paretune.estimate.predict import predict
from paretune.estimate.training import base_tensors, train_on_paper
from paretune.estimate.workload import padded_lengths, workload_for
from paretune.kinds import kind_of_shape
from paretune.methods import build, resolve
from paretune.methods.quantised_bases import check_on_quantised
from paretune.models import find_shape
from paretune.models.hardware import check_package, default_device, device_name
from paretune.models.toy import toy_tokenizer
from paretune.spec import InputError, MethodEntry, Recipe, one_line

MODELS = "meta-llama/Llama-3.2-3B,meta-llama/Llama-3.1-8B"
METHODS = "lora,dora,oft,vera,miss,ln-tuning,ia3"
WARM_UP_STEPS = 3
_MOST_WORKERS = 12

Done = TypeVar("Done")


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, predict, and print the table. Returns the exit code."""
    given = _parser().parse_args(arguments)
    try:
        settings = Settings(given.device, given.tokens, given.batch_size, given.steps, given.gpu)
        rows = kept_rows(given.out, settings, checked_rows(given))
        if not given.predict_only:
            check_machine(given.device, given.formats.split(","))
    except InputError as error:
        print(f"quantised: {one_line(error)}", file=sys.stderr)
        return 2
    warnings.filterwarnings("ignore")
    end = time.monotonic() + given.seconds
    keep = partial(write_rows, given.out, settings, rows)
    if not given.predict_only:
        print(f"{device_name() or 'CPU, values mean nothing for a GPU'}; {settings.words}", flush=True)
        for line in measure_all(rows, settings, end, keep):
            print(line, flush=True)
    workers = 0 if given.predict_here else min(_MOST_WORKERS, os.cpu_count() or 1)
    predict_all(rows, settings, end, keep, workers)
    keep()
    print(table(rows))
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default=MODELS, help="names of bundled configs, folders, or toy:llama")
    parser.add_argument("--methods", default=METHODS)
    parser.add_argument("--formats", default=",".join(FORMATS))
    parser.add_argument("--device", choices=("cuda", "cpu"), default="cuda")
    parser.add_argument("--tokens", type=int, default=512, help="of the longest row of the batch")
    parser.add_argument("--batch-size", type=int, default=4)
    parser.add_argument("--steps", type=int, default=8, help=f"of which the first {WARM_UP_STEPS} are not timed")
    parser.add_argument("--seconds", type=float, default=285.0, help="begin nothing new after so many")
    parser.add_argument("--gpu", help="the card of the predictions, such as h100; the largest workspaces by default")
    parser.add_argument("--predict-only", action="store_true", help="measure nothing; needs no GPU")
    parser.add_argument("--predict-here", action="store_true", help="predict in this process, without others")
    parser.add_argument("--out", type=Path, default=Path("quantised.json"))
    return parser


def checked_rows(given: argparse.Namespace) -> list[Row]:
    """Return a row for each model, format and method, in the order in which they are measured.

    Raises `InputError` for an argument that cannot be used.
    """
    formats = given.formats.split(",")
    if unknown := [name for name in formats if name not in FORMATS]:
        raise InputError(f"--formats: {unknown[0]} is not known; there are {', '.join(FORMATS)}")
    if given.tokens < 2 or given.batch_size < 1:
        raise InputError("--tokens must be 2 or more, and --batch-size 1 or more")
    if given.steps <= WARM_UP_STEPS:
        raise InputError(f"--steps {given.steps}: the first {WARM_UP_STEPS} are not timed; give more")
    if given.gpu is not None:
        if given.device == "cpu":
            raise InputError("--gpu and --device cpu exclude each other")
        try:
            find_gpu(given.gpu)
        except ValueError as error:
            raise InputError(f"--gpu: {error}") from None
    rows = []
    for model in given.model.split(","):
        shape = find_shape(model)
        if not kind_of_shape(shape).quantises or not kind_of_shape(shape).generates:
            raise InputError(f'--model: "{model}" is not a language model')
        if shape.max_length is not None and given.tokens > shape.max_length:
            raise InputError(f'--tokens {given.tokens}: "{model}" takes {shape.max_length}')
        for name in formats:
            for method in given.methods.split(","):
                spec = resolve(MethodEntry(name=method))
                if name in {"nf4", "int8"}:
                    check_on_quantised(spec, name, shape.ties_embeddings)
                rows.append(Row(model=model, format=name, method=method))
    return rows


def check_machine(device: str, formats: Sequence[str]) -> None:
    """Raise `InputError` where this machine cannot measure what is asked for."""
    found = default_device().type
    if device == "cuda" and not torch.cuda.is_available():
        raise InputError(
            "there is no CUDA GPU here; --predict-only predicts without one, and --model toy:llama --device cpu runs a "
            "toy on a CPU"
        )
    if device != found:
        raise InputError(f"--device {device}: this machine has an accelerator ({found}); hide it to measure on the CPU")
    if set(formats) - {"bfloat16"}:
        check_package("measuring quantised bases", "bitsandbytes", "bitsandbytes>=0.50")
        check_package("measuring quantised bases", "accelerate", "accelerate")


def measure_all(rows: Sequence[Row], settings: Settings, end: float, keep: Callable[[], None]) -> Iterator[str]:
    """Fill in what is not measured yet, a base model at a time; yield a line for each base model and method."""
    for (model, form), group in _by_base(rows):
        missing = [row for row in group if row.step_seconds is None]
        if not missing:
            continue
        base: Base | str
        if time.monotonic() > end:
            base = "the time was up"
        else:
            began = time.monotonic()
            base = _attempt(partial(load_base, model, form, settings.device))
            if isinstance(base, Base):
                yield f"{model} {form}: {base.words}, loaded in {time.monotonic() - began:.1f} s"
        for row in missing:
            if isinstance(base, str):
                row.not_measured = base
            elif time.monotonic() > end:
                row.not_measured = "the time was up"
            else:
                row.not_measured = _attempt(partial(measure, row, settings, base))
            keep()
            yield f"{row.model} {row.format} {row.method}: {row.measured_words}"
        del base
        _tidy()


def _by_base(rows: Sequence[Row]) -> list[tuple[tuple[str, str], list[Row]]]:
    groups: dict[tuple[str, str], list[Row]] = {}
    for row in rows:
        groups.setdefault((row.model, row.format), []).append(row)
    return list(groups.items())


def _attempt(do: Callable[[], Done]) -> Done | str:
    """Return what is done, or why it was not: one row of the table must not end the others."""
    try:
        return do()
    except Exception as error:  # whatever a library raises: the other rows go on
        return f"{type(error).__name__}: {one_line(error)[:120]}"
    finally:
        _tidy()


def _tidy() -> None:
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()


def estimate_settings(row: Row, settings: Settings, *, steps: int) -> EstimateSettings:
    """Return what a prediction of a row is asked for; its recipe is the one that is measured."""
    values = {
        "batch_size": settings.batch_size,
        "dtype": "bfloat16",
        "steps": steps,
        "warmup_ratio": 0.0,
        "schedule": "constant",
        "quantisation": None if row.format == "bfloat16" else row.format,
    }
    return EstimateSettings.read(
        {
            "recipe": Recipe.read(values, "quantised"),
            "device": settings.device,
            "gpu": settings.gpu,
            "sequence_length": settings.tokens,
        },
        "quantised",
    )


def measure(row: Row, settings: Settings, base: Base) -> str:
    """Train a method on a base model and fill its row in. Returns why it was not measured: nothing."""
    shape = find_shape(row.model)
    asked = estimate_settings(row, settings, steps=settings.steps)
    workload = workload_for(shape, asked, padded_lengths(settings.batch_size, settings.tokens))
    context = kind_of_shape(shape).context(asked.recipe, LEARNING_RATE, 0, toy_tokenizer(), workload.objective)
    method = build(resolve(MethodEntry(name=row.method)))
    torch.manual_seed(0)
    model = method.wrap(base.copy(), context)
    method.before_training(model, context, workload.batches)
    gc.collect()
    on_gpu = settings.device == "cuda"
    if on_gpu:
        torch._C._cuda_clearCublasWorkspaces()
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats()
    optimizer = method.optimizer(model, context)
    done = train(model, method, optimizer, workload.batches, asked.recipe, objective=workload.objective)
    seconds = statistics.median(done.step_seconds[WARM_UP_STEPS:])
    if on_gpu:
        row.allocated_bytes, row.reserved_bytes = torch.cuda.max_memory_allocated(), torch.cuda.max_memory_reserved()
    else:
        del model, optimizer
        fresh = base.copy()
        tensors = base_tensors(fresh)
        torch.manual_seed(0)
        wrapped = method.wrap(fresh, context)
        counted = train_on_paper(wrapped, method, context, workload, tensors)
        row.allocated_bytes = counted.log.peak().peak_bytes
    row.base_bytes, row.base_reserved_bytes = base.allocated_bytes, base.reserved_bytes
    row.measured_on = device_name() or "CPU"
    row.step_seconds = seconds  # last: a row with a step time has everything
    return ""


def predict_all(
    rows: Sequence[Row], settings: Settings, end: float, keep: Callable[[], None], num_workers: int
) -> None:
    """Fill in what is not predicted yet, in several processes, or in this one where there are to be no others."""
    missing = [row for row in rows if row.predicted_bytes is None]
    for row in missing:
        row.not_predicted = "the time was up"
    if not missing or time.monotonic() > end:
        return
    if num_workers == 0:
        for row in missing:
            if time.monotonic() > end:
                return
            row.take(_predicted((row, settings)))
            keep()
        return
    by_key = {row.key: row for row in missing}
    context = multiprocessing.get_context("spawn")
    with context.Pool(min(num_workers, len(missing)), initializer=_start_worker) as pool:  # what runs on is ended
        results = pool.imap_unordered(_predicted, [(row, settings) for row in missing])
        for _ in missing:
            try:
                found = results.next(timeout=max(0.0, end - time.monotonic()))
            except multiprocessing.TimeoutError:
                return
            by_key[found.key].take(found)
            keep()


def _start_worker() -> None:
    os.environ["CUDA_VISIBLE_DEVICES"] = ""  # fake tensors need no GPU, and a context would take memory of it
    torch.set_num_threads(1)
    warnings.filterwarnings("ignore")


def _predicted(asked: tuple[Row, Settings]) -> Row:
    """Return a row with what is predicted, or why it is not."""
    row, settings = asked
    found = Row(model=row.model, format=row.format, method=row.method)
    shape, wanted = find_shape(row.model), estimate_settings(row, settings, steps=settings.steps)
    lengths = padded_lengths(settings.batch_size, settings.tokens)
    make = partial(build, resolve(MethodEntry(name=row.method)))
    try:
        peak = peak_of(predict(shape, make, wanted, lambda: workload_for(shape, wanted, lengths)).log, wanted)
    except Exception as error:  # what a method or a library cannot do is its row's result
        found.not_predicted = f"{type(error).__name__}: {one_line(error)[:120]}"
        return found
    found.predicted_bytes, found.predicted_reserved_bytes = peak.peak_bytes, peak.reserved_bytes
    return found


if __name__ == "__main__":
    sys.exit(main())
