"""The analysis behind table and page: processor seconds and peak memory of studies of many rows.

    python -m benchmarks.page [--rows 63 250 1000] [--kinds answers means] [--profile]

Two kinds of made-up study: tuned ones, of three seeds each with the answers to 120 questions and the forgetting of 12
texts; and published ones, of which only means are known. Measured are table, ties, rank sets and front probabilities
from records that are in memory, each study in a process of its own. Answers are made when they are asked for.
"""

import argparse
import cProfile
import json
import pstats
import resource
import subprocess
import sys
import time
from collections.abc import Iterator

import numpy as np

from paretune.analysis import Answers, judged_rows, no_answers
from paretune.spec import Imported, Record
from paretune.store.items import QuestionScores
from tests.records import make_record

SIZES = (63, 250, 1_000, 10_000)
_SEEDS, _QUESTIONS, _TEXTS = 3, 120, 12
_NAMES = [f"q{place:04}" for place in range(_QUESTIONS)]


def main() -> None:
    """Print a table of sizes, or with --profile what takes the time."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, nargs="+", default=SIZES)
    parser.add_argument("--kinds", nargs="+", default=["answers", "means"], choices=["answers", "means"])
    parser.add_argument("--profile", action="store_true", help="Print what takes the time.")
    parser.add_argument("--alone", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.alone:
        print(json.dumps(_measured(arguments.rows[0], arguments.kinds[0], profiled=arguments.profile)))
        return
    print(f"{'study':<10}{'rows':>8}{'seconds':>10}{'elapsed':>10}{'peak GB':>10}{'records GB':>12}{'growth':>9}")
    for kind in arguments.kinds:
        before = None
        for rows in arguments.rows:
            call = [sys.executable, "-m", "benchmarks.page", "--alone", "--rows", str(rows), "--kinds", kind]
            call += ["--profile"] if arguments.profile else []
            done = subprocess.run(call, stdout=subprocess.PIPE, text=True, check=True)
            found = json.loads(done.stdout.splitlines()[-1])
            growth = "" if before is None else f"{found['seconds'] / before:.1f}"
            before = found["seconds"]
            print(
                f"{kind:<10}{rows:>8,}{found['seconds']:>10.2f}{found['elapsed']:>10.2f}{found['peak']:>10.2f}"
                f"{found['records']:>12.2f}{growth:>9}",
                flush=True,
            )


def _measured(rows: int, kind: str, *, profiled: bool) -> dict[str, float]:
    """Return processor seconds, elapsed ones, and gigabytes at the peak and of records alone."""
    records, answers = made_up(rows, kind)
    judged_rows([record for record in records if record.trial.method.label in {"base", "m00001"}], answers)  # imports
    held = _peak()
    profile = cProfile.Profile() if profiled else None
    processor, elapsed = time.process_time(), time.perf_counter()
    found = judged_rows(records, answers) if profile is None else profile.runcall(judged_rows, records, answers)
    spent = {"seconds": time.process_time() - processor, "elapsed": time.perf_counter() - elapsed}
    assert len([row for row in found if row.standing]) == rows
    if profile is not None:
        pstats.Stats(profile, stream=sys.stderr).sort_stats("tottime").print_stats(25)
    return spent | {"peak": _peak(), "records": held}


def made_up(rows: int, kind: str) -> tuple[list[Record], Answers]:
    """Return the records of a study of so many rows, and the answers behind them: "answers", or only "means"."""
    return _tuned(rows) if kind == "answers" else (list(_published(rows)), no_answers)


def _peak() -> float:
    """Return the most memory that the process has held so far, in gigabytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9


def _tuned(rows: int) -> tuple[list[Record], Answers]:
    """Return the records of a study with the untouched base and with tuned methods, and the answers behind them."""
    rng = np.random.default_rng(1)
    hard = rng.normal(size=_QUESTIONS)
    records, right, places = [], np.empty((rows, _SEEDS, _QUESTIONS), dtype=bool), {}
    for row in range(rows):
        label = "base" if row == 0 else f"m{row:05}"
        skill = -1.5 if row == 0 else 0.8 * rng.normal()
        level = skill + hard + 0.7 * rng.normal(size=_QUESTIONS) + 0.1 * rng.normal(size=(_SEEDS, 1))
        right[row] = level + rng.normal(size=(_SEEDS, _QUESTIONS)) > 0
        size = float(rng.integers(1, 400))
        for seed in range(1 if row == 0 else _SEEDS):
            costs = {} if row == 0 else _costs(size, skill, rng)
            made = make_record(
                label,
                seed=seed,
                metrics={"accuracy": float(right[row, seed].mean()), **costs},
                num_items=_QUESTIONS,
                text_loss_changes=(0.02 * skill + 0.1 * rng.normal(size=_TEXTS)).tolist() if row else [0.0] * _TEXTS,
            )
            # A record that was read from its file shares nothing with the others.
            records.append(Record.model_validate_json(made.model_dump_json()))
            places[made.trial_id] = row, seed

    def answers(record: Record) -> QuestionScores:
        row, seed = places[record.trial_id]
        return QuestionScores(dict(zip(_NAMES, right[row, seed].astype(float).tolist(), strict=True)), {})

    return records, answers


def _costs(size: float, skill: float, rng: np.random.Generator) -> dict[str, float]:
    """Return costs of which those that only a model's parameters decide are the same for all seeds."""
    return {
        "train_peak_bytes": 1e9 + 1e7 * size * float(np.exp(0.3 * skill)),
        "step_seconds": 2 + 0.004 * size + 0.05 * float(rng.random()),
        "checkpoint_bytes": 1e5 * size,
        "trainable_parameters": 25_000 * size,
        "forgetting": 0.02 * skill + 0.02 * float(rng.normal()),
    }


def _published(rows: int) -> Iterator[Record]:
    """Yield records as an importer makes them: one run each, without answers."""
    rng = np.random.default_rng(2)
    for row in range(rows):
        skill, size = rng.normal(), float(rng.integers(1, 400))
        made = make_record(
            "base" if row == 0 else f"m{row:05}",
            metrics={"accuracy": float(0.02 + 0.5 / (1 + np.exp(-skill)) * (row > 0)), **_costs(size, skill, rng)},
            num_items=1_319,
            imported=Imported(source="theirs", file=f"{row}.json"),
        )
        yield Record.model_validate_json(made.model_dump_json())


if __name__ == "__main__":
    main()
