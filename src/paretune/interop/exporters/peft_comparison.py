"""Writes the records of a study as result files of peft's method comparison, which its own tools then load."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from paretune.interop.exporters.peft_own import missing_figures
from paretune.interop.exporters.peft_result import TASKS, benchmark_of, result_of
from paretune.interop.peft_layout import Benchmark
from paretune.spec import InputError, Record, Trial
from paretune.store.atomic import refusing, write_whole
from paretune.store.folder import load_records


class Exports(NamedTuple):
    """What was written."""

    files: tuple[Path, ...]
    left_out: tuple[str, ...]
    """Records that their layout cannot hold, each with the reason."""


def export_peft_comparison(folder: str | Path, destination: str | Path) -> Exports:
    """Write the records in a study's folder below `destination`, in their folders for finished and cancelled runs.

    Imported results come out as they were read. Raises `InputError` when the study cannot be read, nothing in it fits
    their layout, or the destination cannot be written.
    """
    records = load_records(folder)
    fitting = [(record, benchmark) for record in records if (benchmark := benchmark_of(record)) is not None]
    others = sorted({record.trial.task.name for record in records if benchmark_of(record) is None})
    left_out = [f'task "{name}": their layout has only {" and ".join(TASKS)}' for name in others]
    names, files = _experiment_names([record for record, _ in fitting]), []
    for record, benchmark in fitting:
        result = result_of(record, benchmark, names[record.trial.id])
        reason = _unfit(record, result, benchmark)
        if reason is None:
            files.append(_write(result, Path(destination) / benchmark.folder))
        else:
            left_out.append(f"{record.trial.method.label}: {reason}")
    if not files:
        raise InputError(f"{folder}: nothing to export; {'; '.join(left_out) or 'it holds no records'}")
    return Exports(tuple(files), tuple(left_out))


def _unfit(record: Record, result: dict[str, Any], benchmark: Benchmark) -> str | None:
    """Say why their layout cannot hold a record, or return None."""
    if not record.trial.method.trains:
        return "their layout has no place for a base model that is not trained"
    if record.trial.split != "test":
        return "answered on the validation split; theirs are results on the test set"
    if record.imported is None and (missing := missing_figures(result, benchmark)):
        return f"their tools insist on {', '.join(missing)}"
    return None


def _experiment_names(records: Sequence[Record]) -> dict[str, str]:
    """Return a name like `lora/rank32` for each trial; rate, seed and task are named where they tell trials apart."""
    named: dict[str, list[Trial]] = {}
    for record in records:
        named.setdefault(record.trial.method.label, []).append(record.trial)
    names = {}
    for label, trials in named.items():
        cells = [_cell(trial) for trial in trials]
        varying = [index for index in range(len(cells[0])) if len({cell[index] for cell in cells}) > 1]
        for trial, cell in zip(trials, cells, strict=True):
            parts = [label, *(cell[index] for index in varying)]
            method = trial.method.name.removeprefix("peft:")
            names[trial.id] = f"{_plain(method)}/{'-'.join(map(_plain, parts))}"
    return names


def _cell(trial: Trial) -> tuple[str, str, str]:
    """Return what may tell trials of one label apart, as parts of a name."""
    rate = "none" if trial.learning_rate is None else f"{trial.learning_rate:g}"
    task = f"{trial.task.name}_{(trial.task.content_hash or trial.task.version)[:6]}"
    return f"lr_{rate}", f"seed_{trial.seed}", task


def _plain(name: str) -> str:
    """Return a name that can be part of a file's."""
    return "".join(letter if letter.isalnum() or letter in "._+=" else "-" for letter in name)


def _write(result: dict[str, Any], folder: Path) -> Path:
    run, ended = result["run_info"], result["train_info"]["status"] == "success"
    name = run["experiment_name"].replace("/", "--")
    if not ended:  # theirs carry the time as well, so that no earlier one is lost
        name += "--" + run["created_at"].replace(":", "-")
    path = folder / ("results" if ended else "cancelled_results") / f"{name}.json"
    with refusing(path, "choose another folder with -o"):
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, json.dumps(result, indent=2).encode())
    return path
