"""Throughput of several small trials that share one GPU, next to one trial at a time, with ratios from one run.

    python -m benchmarks.gpu.several [--model Qwen/Qwen2.5-0.5B] [--method lora] [--trials 8] [--alone 3] [--steps 60]
        [--jobs auto] [--rounds 2] [--seconds 285] [--out several.json]
    python -m benchmarks.gpu.several --model toy:llama --device cpu --trials 2 --alone 1 --steps 4 --rounds 1

Needs: one NVIDIA GPU, torch with CUDA, the packages of Paretune, and nothing from the network: the model is a bundled
config with random weights in bfloat16, written into a temporary folder with a tokenizer of single characters.

Compared are the same trials (one method, other seeds) as the local executor runs them with `--jobs 1` and with
`--jobs auto`: a process for each trial, on the same card, as many as its free memory holds by prediction and at most
one for each processor core. `--jobs 2,4` compares those numbers instead. Trials train and take the validation loss, as
those of a tuning stage do. Their start, about ten seconds of imports and of loading, counts: it is a part of what runs
at the same time.

Rounds alternate the order. Trials of one at a time are only the first `--alone` of them, since throughput is compared.
Nothing new is begun after `--seconds`; what runs then is stopped, and what has ended until then is counted and marked.
`--device cpu` runs the same on a CPU: that shows that the script runs, and its values mean nothing for a GPU.
"""

import argparse
import json
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import torch

from paretune.execute.choose import jobs_from
from paretune.execute.device_memory import memory_of, predicted_bytes
from paretune.execute.grouping import say_nothing
from paretune.execute.local import LocalExecutor
from paretune.execute.plan import plan
from paretune.execute.run import Silent
from paretune.models import find_shape
from paretune.models.devices import visible_devices
from paretune.models.hardware import default_device, device_name
from paretune.models.shapes import config_object
from paretune.models.toy import seeded, toy_tokenizer
from paretune.spec import InputError, Phase, Record, Study, Trial, one_line
from paretune.store import Store

AUTO, TOY = "auto", "toy:llama"
_BETWEEN_READINGS_SECONDS = 0.2


class TimeIsUp(Exception):
    """Ends the trials that run."""


class Way(NamedTuple):
    """A number of trials at once, in one round."""

    jobs: int | None
    """None for as many as there is room for."""
    round: int
    num_trials: int
    """Trials that were to run."""
    ended: int
    """Trials that ended well."""
    most_at_once: int
    """Of these, by their records."""
    seconds: float
    """Until the last of them ended."""
    cut_off: bool
    step_seconds: float | None
    """Median over trials of their median step."""
    used_bytes: int | None
    """The most memory of the GPU that all processes held at once, beyond what was held before."""
    losses: dict[int, float]
    """Validation losses by seed."""
    error: str = ""
    """How the first trial that did not end well ended."""

    @property
    def trials_per_hour(self) -> float | None:
        """None where no trial ended well."""
        return 3600 * self.ended / self.seconds if self.ended else None


def main(arguments: Sequence[str] | None = None) -> int:
    """Run all ways and print the table. Returns the exit code."""
    given = _parser().parse_args(arguments)
    end = time.monotonic() + given.seconds
    with tempfile.TemporaryDirectory(prefix="several-") as temporary:
        try:
            check(given)
            trials = trials_of(given, Path(temporary))
            levels = [1, *(number for number in jobs_asked(given.jobs) if number != 1)]
        except InputError as error:
            print(f"several: {one_line(error)}", file=sys.stderr)
            return 2
        print(f"{device_name() or 'CPU, values mean nothing for a GPU'}; {given.model}, {given.method}", flush=True)
        trial_bytes = predicted_bytes(trials[0])
        print(f"{trial_bytes / 1e9:.2f} GB predicted for a trial and its process", flush=True)
        ways: list[Way] = []
        for way in all_ways(trials, levels, given, end, Path(temporary)):
            ways.append(way)
            print(way_words(way), flush=True)
            write(given.out, given, trial_bytes, ways)
    print(table(ways, levels, given.rounds, trial_bytes))
    print(loss_words(ways))
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="Qwen/Qwen2.5-0.5B", help=f"the name of a bundled config, or {TOY}")
    parser.add_argument("--method", default="lora")
    parser.add_argument("--device", choices=("cuda", "cpu"), default="cuda")
    parser.add_argument("--trials", type=int, default=8, help="trials of which several run at once")
    parser.add_argument("--alone", type=int, default=3, help="how many of them run one at a time")
    parser.add_argument("--steps", type=int, default=60, help="of each training")
    parser.add_argument("--batch-size", type=int, default=4)
    parser.add_argument("--jobs", default=AUTO, help="numbers of trials at once, separated by commas, or auto")
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--seconds", type=float, default=285.0, help="begin nothing new after so many")
    parser.add_argument("--out", type=Path, default=Path("several.json"))
    return parser


def check(given: argparse.Namespace) -> None:
    """Raise `InputError` for an argument or a machine that cannot be used."""
    for name in ("trials", "alone", "steps", "batch_size", "rounds"):
        if getattr(given, name) < 1:
            raise InputError(f"--{name.replace('_', '-')} must be 1 or more")
    if given.alone > given.trials:
        raise InputError(f"--alone {given.alone}: there are {given.trials} trials; give no more than these")
    if not given.out.parent.is_dir():
        raise InputError(f"--out {given.out}: there is no folder {given.out.parent}")
    found = default_device().type
    if given.device == "cuda" and not torch.cuda.is_available():
        raise InputError(f"there is no CUDA GPU here; --model {TOY} --device cpu runs a toy on a CPU")
    if given.device != found:
        raise InputError(f"--device {given.device}: this machine has an accelerator ({found}); hide it to use the CPU")


def jobs_asked(text: str) -> list[int | None]:
    """Return the numbers of trials at once, None for as many as fit. Raises `InputError` for anything else."""
    return list(dict.fromkeys(jobs_from(word, "local") for word in text.split(",")))


def trials_of(given: argparse.Namespace, folder: Path) -> list[Trial]:
    """Return the trials, which differ in their seeds; a model that is no toy is written into the folder first."""
    reference = given.model if given.model == TOY else f"path:{written_model(given.model, folder / 'model')}"
    study = Study.read(
        {
            "name": "several",
            "base_model": reference,
            "methods": [given.method],
            "seeds": list(range(given.trials)),
            "tasks": [
                {"name": "word_problems", "options": {"train_size": 256, "validation_size": 16, "test_size": 16}}
            ],
            "recipe": {"steps": given.steps, "batch_size": given.batch_size, "dtype": "bfloat16"},
        },
        "several",
    )
    trials = [trial for trial in plan(study) if trial.method.trains]
    if len(trials) < given.trials:
        raise InputError(f'--method: "{given.method}" trains nothing')
    return [trial.model_copy(update={"split": "validation", "measures": ()}) for trial in trials]


def written_model(name: str, folder: Path) -> Path:
    """Return the folder of a model with random weights in bfloat16. Raises `InputError` for what is no such model."""
    from transformers import AutoModelForCausalLM

    shape = find_shape(name)
    config = config_object(shape.config, dtype="bfloat16")
    try:
        with seeded():
            model = AutoModelForCausalLM.from_config(config, dtype=torch.bfloat16)
    except ValueError:
        raise InputError(f'--model: "{name}" is not a language model') from None
    model.save_pretrained(folder)
    toy_tokenizer().save_pretrained(folder)
    return folder


def all_ways(
    trials: Sequence[Trial], levels: Sequence[int | None], given: argparse.Namespace, end: float, folder: Path
) -> Iterator[Way]:
    """Yield each number at once in each round, in alternating order, until the time is up."""
    for number in range(given.rounds):
        for jobs in levels if number % 2 == 0 else levels[::-1]:
            if time.monotonic() < end:
                some = trials[: given.alone] if jobs == 1 else trials
                yield run_way(some, jobs, number, end, Store(folder / f"{number}-{jobs}"))


class _Clock(Silent):
    """A watcher that keeps when trials end, and ends the run when the time is up."""

    def __init__(self, end: float) -> None:
        self._began = time.monotonic()
        self._end = end
        self.ended: list[tuple[float, Record]] = []

    def heard(self, trial: Trial, phase: Phase, done: int, total: int) -> None:  # noqa: ARG002 (as it is called)
        self._check()

    def finished(self, trial: Trial, record: Record, seconds: float) -> None:  # noqa: ARG002 (as it is called)
        self.ended.append((time.monotonic() - self._began, record))
        self._check()

    def _check(self) -> None:
        if time.monotonic() > self._end:
            raise TimeIsUp


def run_way(trials: Sequence[Trial], jobs: int | None, number: int, end: float, store: Store) -> Way:
    """Run trials, so many at once, on the first accelerator, or on the CPU where there is none."""
    left = max(1.0, end - time.monotonic())
    devices = visible_devices()[:1]
    executor = LocalExecutor(
        store,
        jobs=jobs,
        share_devices=True,
        memory=memory_of(devices, say_nothing),
        time_limit_seconds=left,
        devices=devices,
    )
    clock = _Clock(end)
    cut_off = False
    with most_used_bytes() as readings:
        try:
            executor.run(trials, clock)
        except TimeIsUp:
            cut_off = len(clock.ended) < len(trials)
        finally:
            executor.close()
    well = [(seconds, record) for seconds, record in clock.ended if record.outcome.kind == "ok"]
    others = [record.outcome for _, record in clock.ended if record.outcome.kind != "ok"]
    at_once = [record.provenance.concurrent_workers or 1 for _, record in well if record.provenance]
    steps = [record.metrics["step_seconds"] for _, record in well if "step_seconds" in record.metrics]
    return Way(
        jobs=jobs,
        round=number,
        num_trials=len(trials),
        ended=len(well),
        most_at_once=max(at_once, default=1),
        seconds=max((seconds for seconds, _ in well), default=0.0),
        cut_off=cut_off or any(outcome.kind == "timed_out" for outcome in others),
        step_seconds=statistics.median(steps) if steps else None,
        used_bytes=max(readings, default=None),
        losses={record.trial.seed: record.metrics["validation_loss"] for _, record in well},
        error=" ".join(repr(others[0]).split())[:160] if others else "",
    )


@contextmanager
def most_used_bytes() -> Iterator[list[int]]:
    """Fill a list with what the GPU holds beyond the present, read several times a second; on a CPU it stays empty."""
    readings: list[int] = []
    if not torch.cuda.is_available():
        yield readings
        return
    before, done = torch.cuda.mem_get_info()[0], threading.Event()

    def read() -> None:
        while not done.wait(_BETWEEN_READINGS_SECONDS):
            readings.append(before - torch.cuda.mem_get_info()[0])

    reader = threading.Thread(target=read, daemon=True)
    reader.start()
    try:
        yield readings
    finally:
        done.set()
        reader.join()


def way_words(way: Way) -> str:
    """Return a line on one way."""
    text = f"round {way.round + 1}, {way.jobs or way.most_at_once} at once: "
    text += f"{way.ended} of {way.num_trials} trials in {way.seconds:.1f} s"
    text += ", cut off: the time was up" if way.cut_off else ""
    return f"{text}; {way.error}" if way.error else text


def write(path: Path, given: argparse.Namespace, trial_bytes: int, ways: Sequence[Way]) -> None:
    """Write all that was found so far."""
    settings = {name: str(value) if isinstance(value, Path) else value for name, value in vars(given).items()}
    value = {
        "settings": settings,
        "machine": device_name() or "CPU",
        "trial_bytes": trial_bytes,
        "ways": [way._asdict() | {"trials_per_hour": way.trials_per_hour} for way in ways],
    }
    path.write_text(json.dumps(value, indent=1), encoding="utf-8")


def table(ways: Sequence[Way], levels: Sequence[int | None], rounds: int, trial_bytes: int) -> str:
    """Return all ways as a table in Markdown, with ratios of throughput to one at a time in the same round."""
    found = {(way.round, way.jobs): way for way in ways}
    head = ("at once", "round", "trials", "seconds", "trials an hour", "ratio", "step ms", "GPU GB", "predicted GB")
    lines = [f"| {' | '.join(head)} |", "|---" * len(head) + "|"]
    for jobs in levels:
        for number in range(rounds):
            way, alone = found.get((number, jobs)), found.get((number, 1))
            cells = [str(jobs or AUTO), str(number + 1)]
            if way is None or way.trials_per_hour is None:
                cells += ["not measured", *["-"] * 6]
            else:
                base = alone.trials_per_hour if alone is not None else None
                cells += [
                    f"{way.ended} of {way.num_trials}" + (" (cut off)" if way.cut_off else ""),
                    f"{way.seconds:.1f}",
                    f"{way.trials_per_hour:.1f}",
                    f"{way.trials_per_hour / base:.2f}" if base else "-",
                    "-" if way.step_seconds is None else f"{1e3 * way.step_seconds:.1f}",
                    "-" if way.used_bytes is None else f"{way.used_bytes / 1e9:.2f}",
                    f"{way.most_at_once * trial_bytes / 1e9:.2f}",
                ]
            lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def loss_words(ways: Sequence[Way]) -> str:
    """Return how far validation losses of one trial differ between ways."""
    by_seed: dict[int, list[float]] = {}
    for way in ways:
        for seed, loss in way.losses.items():
            by_seed.setdefault(seed, []).append(loss)
    ranges = [max(losses) - min(losses) for losses in by_seed.values() if len(losses) > 1]
    if not ranges:
        return "validation losses: no trial ran twice"
    return f"validation losses of a trial differ by at most {max(ranges):.2g} between ways ({len(ranges)} trials)"


if __name__ == "__main__":
    sys.exit(main())
