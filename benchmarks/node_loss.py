"""What the loss of nodes does to a study on Ray: no trial may be lost, changed, or run again once it has finished.

    python -m benchmarks.node_loss [--rounds 10] [--trials 32] [--seconds 2] [--seed 0]

Trials that train nothing (see `cluster_trials`) run once on this machine, then again and again on a cluster of two
nodes of one core. In each round all processes of one of the nodes are killed at a random moment, as a loss of power
does, and another node joins. A line says how many trials ended well, ran again and were lost, and whether records and
checkpoints are those of the local run in all but clocks and notes. Exit code 1 where anything is not as it should be.
"""

import argparse
import os
import random
import signal
import subprocess
import sys
import tempfile
import threading
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks.cluster_trials import NODE, Worker, ray_nodes, run_on_ray, trials
from benchmarks.random_kills import CLOCKS
from paretune.execute.local import LocalExecutor
from paretune.execute.run import Silent
from paretune.spec import Phase, Trial
from paretune.store import Store


class Round(NamedTuple):
    """What became of the trials of one round."""

    ok: int
    again: int
    """Trials that ran again, by the notes of their records."""
    lost: int
    """Trials without a good end."""
    repeated: int
    """Trials that began more often than their records say."""
    identical: bool


def main() -> int:
    """Print a line for each round. Returns 1 where a trial was lost, repeated or changed, or none ran again at all."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--trials", type=int, default=32)
    parser.add_argument("--seconds", type=float, default=2.0, help="how long a trial waits, on average")
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    planned, rounds = trials(given.trials), []
    with tempfile.TemporaryDirectory(prefix="node-loss-") as name, ray_nodes(2) as cluster:
        home = Path(name)
        worker, store = _worker(home / "local", given.seconds)
        local = LocalExecutor(
            store, jobs=2, threads=1, devices=(), time_limit_seconds=3600, launching=worker.anew
        )  # fmt: skip
        local.run(planned, Silent())
        expected = _results(store, planned)
        worker, store = _worker(home / "undisturbed", given.seconds)
        whole = run_on_ray(store, planned, worker.forked, Silent())
        print(
            f"{len(planned)} trials, undisturbed: {whole:.0f} s, identical: {_results(store, planned) == expected}",
            flush=True,
        )
        for number in range(given.rounds):
            chance = random.Random(f"{given.seed} {number}")
            worker, store = _worker(home / str(number), given.seconds)
            node = chance.choice(sorted(cluster.worker_nodes, key=lambda one: one.unique_id))
            moment = chance.uniform(0, 0.9) * whole
            killer = Killer(cluster, node, moment)
            seconds = run_on_ray(store, planned, worker.forked, killer)
            killer.end()
            one = _judged(store, planned, worker, expected)
            rounds.append(one)
            print(
                f"round {number + 1}: killed after {moment:.1f} s of {seconds:.0f}, ok {one.ok}, "
                f"run again {one.again}, lost {one.lost}, repeated {one.repeated}, identical: {one.identical}",
                flush=True,
            )
    bad = [one for one in rounds if one.lost or one.repeated or not one.identical]
    print(f"{len(rounds)} rounds, {sum(one.again for one in rounds)} trials run again, {len(bad)} rounds with a fault")
    return 1 if bad or not any(one.again for one in rounds) else 0


def _worker(folder: Path, seconds: float) -> tuple[Worker, Store]:
    folder.mkdir()
    return Worker(folder, seconds), Store(folder / "results")


def _judged(store: Store, planned: list[Trial], worker: Worker, expected: dict[str, Any]) -> Round:
    """Return what became of the trials."""
    records = [store.latest(trial.id) for trial in planned]
    again = {record.trial_id for record in records if record and any("run again" in note for note in record.notes)}
    return Round(
        ok=sum(record is not None and record.finished for record in records),
        again=len(again),
        lost=sum(record is None or not record.finished for record in records),
        repeated=sum(times > 1 + (trial_id in again) for trial_id, times in worker.begun.items()),
        identical=_results(store, planned) == expected,
    )


class Killer(Silent):
    """A watcher under which a node is killed at a given moment, and another joins after that."""

    def __init__(self, cluster: Any, node: Any, seconds: float) -> None:
        """Kill the node after so many seconds."""
        self._cluster = cluster
        self._node = node
        self._timer = threading.Timer(seconds, self._kill)
        self._killed = threading.Event()
        self._replaced = False
        self._timer.start()

    def heard(self, trial: Trial, phase: Phase, done: int, total: int) -> None:  # noqa: ARG002 (a watcher's signature)
        """Let another node join: Ray starts nodes from the main thread alone."""
        if self._killed.is_set() and not self._replaced:
            self._replaced = True
            self._cluster.remove_node(self._node, allow_graceful=False)
            self._cluster.add_node(**NODE)

    def end(self) -> None:
        """Wait for the kill, and see that there are two nodes for what comes next."""
        self._timer.join()
        if not self._replaced:
            self._cluster.remove_node(self._node, allow_graceful=False)
            self._cluster.add_node(**NODE)

    def _kill(self) -> None:
        raylet = self._node.all_processes["raylet"][0].process.pid
        words = ["ps", "-o", "pid=", "--ppid", str(raylet)]
        listed = subprocess.run(words, capture_output=True, text=True, check=False)
        for process in [raylet, *map(int, listed.stdout.split())]:
            os.kill(process, signal.SIGKILL)
        self._killed.set()


def _results(store: Store, planned: list[Trial]) -> dict[str, Any]:
    """Return what must not differ between two runs, by trial id."""
    results = {}
    for trial in planned:
        record = store.latest(trial.id)
        if record is None:
            continue
        value = record.model_dump(mode="json", exclude=CLOCKS | {"notes"})
        files = sorted(store.adapter_folder(trial.id, record.attempt).glob("*"))
        value["checkpoint"] = {file.name: sha256(file.read_bytes()).hexdigest() for file in files}
        results[trial.id] = value
    return results


if __name__ == "__main__":
    sys.exit(main())
