"""What kills at random moments do to a study: nothing may be lost, repeated or changed.

    python benchmarks/random_kills.py [--kills 100] [--minutes 60] [--seed 0] [--jobs 1]

A small study on a toy runs once undisturbed. Then the same study runs in fresh folders and is killed again and again:
the run itself, its process group, a worker or the process that workers are forked from, by SIGTERM, SIGINT or SIGKILL,
at a random moment. After every kill that ends the run the same command goes on, until the study has ended; then the
next folder begins. Checked are:

- lost or changed: every record, its answers and its adapter stay as they are, byte for byte, once they are there;
- repeated: no trial that has a result is attempted again;
- left over: no process outlives the run;
- different: in the end every trial has the result of the undisturbed run, clocks apart: values, losses, answers and
  the adapter's bytes.

Exit code 1 where any of this does not hold.
"""

import argparse
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple

from paretune.spec import Record
from paretune.store import Store, load_records

STUDY = """
name = "killed"
base_model = "toy:llama"
methods = ["base", "lora", "ia3", "ln-tuning", "oft", "full"]
seeds = [0]
[[tasks]]
name = "word_problems"
options = { train_size = 64, validation_size = 8, test_size = 8 }
[recipe]
steps = 12
batch_size = 4
"""
SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGKILL)
TARGETS = ("run", "group", "worker", "fork server")
CLOCKS = {"started_at", "attempt", "step_seconds", "phases", "provenance"}
CLOCK_METRICS = {"step_seconds", "train_seconds", "answers_per_second"}
PATIENCE_SECONDS = 120
POLL_SECONDS = 0.02


class Kill(NamedTuple):
    """A signal that was sent."""

    target: str
    signal: signal.Signals
    in_a_trial: bool
    """Whether a worker was there at that moment."""


class Faults:
    """What should not have happened, in words, by kind."""

    def __init__(self) -> None:
        self.found: list[tuple[str, str]] = []

    def add(self, kind: str, what: str) -> None:
        """Keep a fault and say it at once."""
        self.found.append((kind, what))
        print(f"{kind}: {what}", file=sys.stderr)


class Running:
    """One `paretune run` in a process group of its own."""

    def __init__(self, study: Path, folder: Path, jobs: int) -> None:
        self.folder = folder
        command = [sys.executable, "-c", "from paretune.cli import main; main()", "run", str(study)]
        self.process = subprocess.Popen(
            [*command, "--out", str(folder), "--jobs", str(jobs), "--share-devices", "--threads", "1"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )

    @property
    def ended(self) -> bool:
        """Whether the run has ended."""
        return self.process.poll() is not None

    def servers_and_workers(self) -> tuple[list[int], list[int]]:
        """Return the process ids of its fork servers and of its workers, which are their children."""
        found = [one for one, words in processes_on(self.folder).items() if "paretune.execute.fork_server" in words]
        workers = [one for one in found if parent_of(one) in found]
        return [one for one in found if one not in workers], workers

    def send(self, target: str, number: signal.Signals) -> Kill | None:
        """Send a signal. Returns None where there is nothing left to send it to."""
        servers, workers = self.servers_and_workers()
        meant = {"worker": workers, "fork server": servers}.get(target, [self.process.pid])
        if self.ended or not meant:
            return None
        try:
            if target == "group":
                os.killpg(self.process.pid, number)
            else:
                os.kill(meant[0], number)
        except ProcessLookupError:
            return None
        return Kill(target, number, bool(workers))

    def settle(self, faults: Faults) -> None:
        """Wait for the run, and for whatever works on its folder, to end."""
        try:
            self.process.wait(PATIENCE_SECONDS)
        except subprocess.TimeoutExpired:
            faults.add("left over", f"the run on {self.folder} went on for {PATIENCE_SECONDS} s after its signal")
            self.process.kill()
            self.process.wait()
        give_up = time.monotonic() + PATIENCE_SECONDS
        while (left := processes_on(self.folder)) and time.monotonic() < give_up:
            time.sleep(POLL_SECONDS)
        for process in left:
            faults.add("left over", f"process {process} works on {self.folder} though the run has ended")


class Snapshot:
    """A folder's records, answers and adapters at one moment, by their hashes."""

    def __init__(self, folder: Path) -> None:
        self.records = {path.name: Record.model_validate_json(path.read_bytes()) for path in record_files(folder)}
        stems = [Path(name).stem for name in self.records]
        kept = [
            *record_files(folder),
            *(path for stem in stems if (path := folder / "items" / f"{stem}.parquet").exists()),
            *(path for stem in stems for path in sorted((folder / "adapters" / stem).glob("*"))),
        ]
        self.hashes = {str(path.relative_to(folder)): sha256(path.read_bytes()).hexdigest() for path in kept}

    def compare(self, later: "Snapshot", faults: Faults) -> None:
        """Report what is there no longer, or not as it was, and results that were made again."""
        for name, digest in self.hashes.items():
            if name not in later.hashes:
                faults.add("lost", name)
            elif later.hashes[name] != digest:
                faults.add("changed", name)
        attempts: dict[str, list[Record]] = {}
        for record in later.records.values():
            attempts.setdefault(record.trial_id, []).append(record)
        for trial_id, made in attempts.items():
            *earlier, _ = sorted(made, key=lambda record: record.attempt)
            if any(record.finished for record in earlier):
                faults.add("repeated", f"{trial_id} was attempted again although it had a result")


def record_files(folder: Path) -> list[Path]:
    """Return a folder's record files. What begins with a dot is being written."""
    return [path for path in sorted((folder / "records").glob("*.json")) if not path.name.startswith(".")]


def processes_on(folder: Path) -> dict[int, str]:
    """Return the command lines of the processes that name a folder, by process id, zombies and this one left out."""
    found: dict[int, str] = {}
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            words = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        if str(folder) in words and int(entry.name) != os.getpid():
            found[int(entry.name)] = words
    return found


def parent_of(process: int) -> int | None:
    """Return the process id of a process's parent; None where it has ended."""
    try:
        status = Path(f"/proc/{process}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    return int(status.rpartition(")")[2].split()[1])


def results_of(folder: Path) -> dict[str, dict[str, Any]]:
    """Return what must not differ between two runs of a study, by trial id."""
    store, results = Store(folder), {}
    for record in load_records(folder):
        value = record.model_dump(mode="json", exclude=CLOCKS)
        value["metrics"] = {name: one for name, one in value["metrics"].items() if name not in CLOCK_METRICS}
        adapter = store.adapter_folder(record.trial_id, record.attempt)
        value["answers"] = store.items(record)
        value["adapter"] = {path.name: sha256(path.read_bytes()).hexdigest() for path in sorted(adapter.glob("*"))}
        results[record.trial_id] = value
    return results


class Benchmark:
    """Kills until there have been enough, or the time is over."""

    def __init__(self, home: Path, *, kills: int, seconds: float, seed: int, jobs: int) -> None:
        self._home = home
        self._wanted = kills
        self._give_up = time.monotonic() + seconds
        self._random = random.Random(seed)
        self._jobs = jobs
        self._study = home / "study.toml"
        self._study.write_text(STUDY, encoding="utf-8")
        self.faults = Faults()
        self.kills: list[Kill] = []
        self.num_runs = 0
        self.num_studies = 0

    def whole(self) -> None:
        """Run the study undisturbed, then under kills until there have been enough."""
        began = time.monotonic()
        reference = self._home / "undisturbed"
        self._start(reference).settle(self.faults)
        expected = results_of(reference)
        # Half of a study, for the start of a run takes as long as several of these trials.
        window = 0.5 * (time.monotonic() - began)
        print(f"{len(expected)} trials, undisturbed; kills come within {window:.1f} s of each other", file=sys.stderr)
        while not self._enough:
            folder = self._home / f"killed-{self.num_studies}"
            self._study_under_kills(folder, window)
            self.num_studies += 1
            self._judge(folder, expected)

    @property
    def _enough(self) -> bool:
        return len(self.kills) >= self._wanted or time.monotonic() > self._give_up

    def _start(self, folder: Path) -> Running:
        self.num_runs += 1
        return Running(self._study, folder, self._jobs)

    def _study_under_kills(self, folder: Path, window: float) -> None:
        """Run the study on and on until it ends by itself."""
        before = Snapshot(folder)
        while True:
            running = self._start(folder)
            try:
                ended_by_itself = self._disturb(running, window)
                running.settle(self.faults)
            finally:
                running.process.kill()  # where this benchmark itself is stopped
            after = Snapshot(folder)
            before.compare(after, self.faults)
            before = after
            print(f"{len(self.kills)} kills, {len(after.records)} records in {folder.name}", file=sys.stderr)
            if ended_by_itself and running.process.returncode == 0:
                return

    def _disturb(self, running: Running, window: float) -> bool:
        """Kill until the run has ended. Returns whether it was left alone: nothing but its own end ended it."""
        alone = True
        while not running.ended:
            moment = time.monotonic() + self._random.uniform(0, window)
            while not running.ended and (time.monotonic() < moment or self._enough):
                time.sleep(POLL_SECONDS)
            kill = running.send(self._random.choice(TARGETS), self._random.choice(SIGNALS))
            if kill is not None:
                self.kills.append(kill)
                alone = False
                if kill.target in {"run", "group"}:
                    break
        return alone

    def _judge(self, folder: Path, expected: dict[str, dict[str, Any]]) -> None:
        found = results_of(folder)
        for trial_id in expected.keys() | found.keys():
            one, other = expected.get(trial_id), found.get(trial_id)
            if one is None or other is None:
                self.faults.add("lost", f"trial {trial_id} is only in one of the two runs")
            elif one != other:
                fields = [name for name in one if one[name] != other.get(name)]
                self.faults.add("different", f"trial {trial_id} in {folder}: {', '.join(fields)}")

    def lines(self) -> list[str]:
        """Return the table: how often what was killed by what, and what came of it."""
        counts = Counter((kill.target, kill.signal) for kill in self.kills)
        rows = [f"{'killed':8}" + "".join(f"{number.name:>9}" for number in SIGNALS) + f"{'in a trial':>12}"]
        for target in TARGETS:
            inside = sum(kill.in_a_trial for kill in self.kills if kill.target == target)
            rows.append(f"{target:12}" + "".join(f"{counts[target, one]:9}" for one in SIGNALS) + f"{inside:12}")
        kinds = Counter(kind for kind, _ in self.faults.found)
        rows.append(f"{len(self.kills)} kills, {self.num_runs} runs, {self.num_studies} studies brought to their end")
        rows.append(
            ", ".join(f"{kind}: {kinds[kind]}" for kind in ("lost", "changed", "repeated", "left over", "different"))
        )
        return rows


def main() -> int:
    """Print the table. Returns 1 where anything was lost, changed, repeated, left over or different."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--minutes", type=float, default=60.0, help="no more kills after this; what runs is ended")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--jobs", type=int, default=1)
    arguments = parser.parse_args()
    # A shell that starts this in the background has it ignore SIGINT, and all that it starts would inherit that.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    with tempfile.TemporaryDirectory(prefix="random-kills-") as home:
        benchmark = Benchmark(
            Path(home),
            kills=arguments.kills,
            seconds=60 * arguments.minutes,
            seed=arguments.seed,
            jobs=arguments.jobs,
        )
        benchmark.whole()
        print("\n".join(benchmark.lines()))
    return 1 if benchmark.faults.found else 0


if __name__ == "__main__":
    sys.exit(main())
