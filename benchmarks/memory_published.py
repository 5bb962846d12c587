"""Predicted memory against peft's published comparison: every row from its own configuration, nothing fitted.

    python -m benchmarks.memory_published PATH [--only TEXT] [--tokens N] [--json FILE]

PATH is peft's `method_comparison` folder, with `MetaMathQA` and `image-gen` in it. What is compared is the published
`accelerator_memory_max`, the most that PyTorch's allocator had reserved. Predicted is the same value: our loop runs on
fake tensors with the published recipe's loss, and its storages are replayed through the allocator's rules.

Assumptions, the same for all rows:
- The longest batch of the maths recipe has 4 x LONGEST_TOKENS tokens. Neither data nor length are published; the length
  follows from the row of LoRA with rank 32 alone. The step before it has the mean length, which is published.
- The published runs used peft at commit d787f51, which differs from the releases (OSF keeps more): have its `src` on
  the path of modules (PYTHONPATH) for the comparison.
- The maximum falls into training. (Answering 50 questions at once and reading Wikipedia need about half as much.)
- The maths recipe empties the allocator's cache every ten steps, and its longest batches come right after that. The
  image recipe does so every hundred steps, so its maximum is the larger of what is reserved before and after that.
- cuBLAS holds its workspaces. The weights of the maths runs lie in one segment, because transformers asks for it before
  it loads them; the image recipe moves its model from the host tensor by tensor.
"""

import argparse
import json
import statistics
import time
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from benchmarks.published_lengths import LONGEST_TOKENS
from benchmarks.published_recipe import (
    DINO_BYTES,
    IMAGE_CACHE_BYTES,
    PublishedMethod,
    Row,
    published_settings,
    published_workload,
    read_rows,
)
from paretune.estimate.gpus import find_gpu, workspaces
from paretune.estimate.predict import Asked, predict
from paretune.measure import StorageLog, replay
from paretune.models import find_shape
from paretune.spec import one_line

CARD = find_gpu("l40s")
"""That of the published runs."""


class Result(NamedTuple):
    """One row: bytes, and the seconds that predicting took by the clock on the wall."""

    kind: str
    name: str
    published_bytes: int
    predicted_bytes: int | None = None
    live_bytes: int | None = None
    published_mean_bytes: float | None = None
    predicted_mean_bytes: int | None = None
    published_checkpoint_bytes: int | None = None
    predicted_checkpoint_bytes: int | None = None
    same_parameters: bool | None = None
    seconds: float = 0.0
    failure: str | None = None

    @property
    def error(self) -> float | None:
        """Predicted over published, minus one."""
        return None if self.predicted_bytes is None else self.predicted_bytes / self.published_bytes - 1


def main() -> None:
    """Print a line for each row, then the summaries."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("path", type=Path)
    parser.add_argument("--only", default="")
    parser.add_argument("--tokens", type=int, default=LONGEST_TOKENS)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    warnings.filterwarnings("ignore")
    results = []
    for kind in ("MetaMathQA", "image-gen"):
        found = [row for row in read_rows(arguments.path, kind) if arguments.only in f"{kind}/{row.name}"]
        for row in found:
            result = _result(row, arguments.tokens)
            print(_line(result), flush=True)
            results.append(result)
    for kind in ("MetaMathQA", "image-gen"):
        _summary(kind, [result for result in results if result.kind == kind])
    if arguments.json:
        arguments.json.write_text(json.dumps([result._asdict() for result in results], indent=1))


def _result(row: Row, longest_tokens: int) -> Result:
    began = time.perf_counter()
    published = row.train_info["accelerator_memory_max"]
    settings = published_settings(row)
    shape = find_shape(row.train_config["model_id"])
    try:
        method = PublishedMethod(row)
        prediction = predict(
            shape,
            lambda: method,
            settings,
            lambda: published_workload(row, settings, shape, (_mean_tokens(row), longest_tokens)),
            Asked(checkpoint=True),
        )
    except Exception as error:  # the row is reported as not predicted, with the reason
        return Result(row.kind, row.name, published, seconds=time.perf_counter() - began, failure=one_line(error)[:150])
    stepped = next(mark.position for mark in prediction.log.marks if mark.name == "stepped")
    return Result(
        kind=row.kind,
        name=row.name,
        published_bytes=published,
        predicted_bytes=_reserved(prediction.log, stepped, row),
        live_bytes=prediction.log.peak().peak_bytes,
        published_mean_bytes=row.mean_allocated_bytes,
        predicted_mean_bytes=_at_the_end_of_a_step(prediction.log, stepped) + sum(_held(prediction.log, row)),
        published_checkpoint_bytes=row.train_info["file_size"],
        predicted_checkpoint_bytes=prediction.checkpoint_bytes,
        same_parameters=method.num_trainable_parameters == row.train_info["num_trainable_params"],
        seconds=time.perf_counter() - began,
    )


def _at_the_end_of_a_step(log: StorageLog, stepped: int) -> int:
    """Return what is alive after the optimizer's step and what follows it, before gradients are let go."""
    next_pass = next(mark.position for mark in log.marks if mark.name == "forward" and mark.position > stepped)
    return int(log.live_bytes()[stepped - 1 : next_pass].max())


def _mean_tokens(row: Row) -> int:
    last = row.train_info["metrics"][-1]
    return round(last["train total tokens"] / last["train samples"]) if "train total tokens" in last else 0


def _held(log: StorageLog, row: Row) -> Sequence[int]:
    """Return what the process holds on the device beside the model and its training."""
    in_image_runs = (DINO_BYTES, *IMAGE_CACHE_BYTES) if row.kind == "image-gen" else ()
    return (*workspaces(log, CARD), *in_image_runs)


def _reserved(log: StorageLog, stepped: int, row: Row) -> int:
    held = _held(log, row)
    if row.kind == "image-gen":
        return max(replay(log, held_from_the_start=held, empty_cache_at=at).peak() for at in ((), (stepped,)))
    weights = int(sum(size for size in _first_sizes(log) if size > 0))
    return replay(log, warmed_up_bytes=weights, held_from_the_start=held, empty_cache_at=(stepped,)).peak()


def _first_sizes(log: StorageLog) -> Sequence[int]:
    """Return the sizes of the base model's weights."""
    first_pass = next(mark.position for mark in log.marks if mark.name == "forward")
    chosen = log.kind[log.storage[:first_pass]] == 0
    return log.change_bytes[:first_pass][chosen].tolist()  # type: ignore[no-any-return]


def _line(result: Result) -> str:
    start = f"{result.name:56} published {result.published_bytes / 1e9:6.2f}"
    if result.predicted_bytes is None or result.live_bytes is None:
        return f"{start}  NOT PREDICTED after {result.seconds:.0f} s: {result.failure}"
    assert result.predicted_mean_bytes is not None
    assert result.published_mean_bytes is not None
    mean = result.predicted_mean_bytes / result.published_mean_bytes
    return (
        f"{start} predicted {result.predicted_bytes / 1e9:6.2f}"
        f" ratio {result.predicted_bytes / result.published_bytes:.3f}"
        f" | live {result.live_bytes / 1e9:6.2f} | mean allocated {mean:.3f}"
        f" | checkpoint {result.predicted_checkpoint_bytes}/{result.published_checkpoint_bytes}"
        f" | parameters {'same' if result.same_parameters else 'DIFFER'} | {result.seconds:.1f} s"
    )


def _summary(kind: str, results: Sequence[Result]) -> None:
    errors = [result.error for result in results if result.error is not None]
    if not errors:
        return
    sizes = [abs(error) for error in errors]
    print(
        f"\n{kind}: {len(errors)} of {len(results)} predicted; absolute error: median {statistics.median(sizes):.2%}, "
        f"worst {max(sizes):.2%}; signed median {statistics.median(errors):+.2%}; within 2%: "
        f"{sum(size <= 0.02 for size in sizes)}; slowest row {max(result.seconds for result in results):.1f} s"
    )


if __name__ == "__main__":
    main()
