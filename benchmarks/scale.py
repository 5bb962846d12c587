"""What running trials on a Ray cluster costs, and how busy 200 nodes would be.

    python -m benchmarks.scale [--trials 64] [--seconds 4] [--simulated 10000] [--nodes 200] [--seed 0]

Measured: trials that train nothing (see `cluster_trials`) run on one node of one core and on two, forked as on nodes
without a GPU, and on two with a new interpreter for each, as on those with one. Printed are the ratio of the first two
times, what a trial takes beyond its own waiting, from being given to Ray to its record in the store, and the
processor's time of the driver.

Predicted by a discrete-event model, with the overheads as measured: `--simulated` trials, whose lengths are lognormal
with a median of 20 minutes, run on `--nodes` nodes that each fail once in a week on average, exponentially distributed.
A trial on a failed node runs again, at the head of the queue, once the loss is noticed; the node is back half an hour
after that. The driver does one thing after another: what it does for a trial takes its measured time, so that it
becomes the limit where there are too many nodes. Printed is which share of the nodes' time goes into trials that end
well, and where the rest goes. The model knows no network and no disk, and nodes are all alike.
"""

import argparse
import heapq
import random
import statistics
import sys
import tempfile
import time
from collections import deque
from pathlib import Path
from typing import NamedTuple

from benchmarks.cluster_trials import NODE, Worker, ray_nodes, run_on_ray, trials, waits
from paretune.execute.run import Silent
from paretune.spec import Record, Trial
from paretune.store import Store

MEDIAN_SECONDS, SIGMA = 20 * 60.0, 0.5
SECONDS_BETWEEN_FAILURES = 7 * 24 * 3600.0
NOTICED_SECONDS = 30.0
"""A node that says nothing for so long counts as lost; Ray's default is about that."""
BACK_SECONDS = 30 * 60.0


class Durations(Silent):
    """A watcher that keeps how long each trial took, from being given to the cluster to its record."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    def finished(self, trial: Trial, record: Record, seconds: float) -> None:
        """Keep it."""
        assert record.finished
        self.seconds[trial.id] = seconds


class Overheads(NamedTuple):
    """What a trial takes beyond itself, in seconds."""

    node: float
    """Of its node."""
    driver: float
    """Of the driver."""


def main() -> int:
    """Print what was measured and what is predicted."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trials", type=int, default=64)
    parser.add_argument("--seconds", type=float, default=4.0, help="how long a trial waits, on average")
    parser.add_argument("--simulated", type=int, default=10_000)
    parser.add_argument("--nodes", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    overheads = measured(given.trials, given.seconds)
    for between in (SECONDS_BETWEEN_FAILURES, SECONDS_BETWEEN_FAILURES / 10):
        print(Simulation(given.simulated, given.nodes, overheads, between, given.seed).line())
    return 0


def measured(number: int, seconds: float) -> Overheads:
    """Run trials on one node and on two, print what that took, and return the overheads."""
    planned, took = trials(number), {}
    overheads = Overheads(0, 0)
    with tempfile.TemporaryDirectory(prefix="scale-") as name, ray_nodes(1) as cluster:
        for nodes, how in ((1, "forked"), (2, "forked"), (2, "anew")):
            if (nodes, how) == (2, "forked"):
                cluster.add_node(**NODE)
            folder, watcher = Path(name) / f"{nodes}-{how}", Durations()
            folder.mkdir()
            worker = Worker(folder, seconds)
            launching = worker.forked if how == "forked" else worker.anew
            worked = time.process_time()
            took[nodes, how] = run_on_ray(Store(folder / "results"), planned, launching, watcher)
            driver = (time.process_time() - worked) / number
            extra = sorted(watcher.seconds[trial.id] - waits(trial.id, seconds) for trial in planned)
            print(
                f"nodes: {nodes}, processes {how}; {number} trials in {took[nodes, how]:.0f} s; beyond its own "
                f"waiting a trial takes {statistics.median(extra):.2f} s (median; 90% at most "
                f"{extra[int(0.9 * number)]:.2f} s), the driver's processor {1000 * driver:.0f} ms",
                flush=True,
            )
            if how == "forked":
                overheads = Overheads(statistics.median(extra), driver)
    print(f"two nodes are {took[1, 'forked'] / took[2, 'forked']:.2f} times as fast as one")
    return overheads


class Simulation:
    """Trials on nodes that fail: a discrete-event model."""

    def __init__(self, number: int, nodes: int, overheads: Overheads, between: float, seed: int) -> None:
        """Run it. `between` is the mean number of seconds between failures of one node."""
        self._chance = random.Random(seed)
        self._overheads = overheads
        self._between = between
        self._nodes = nodes
        self._waiting = deque(self._chance.lognormvariate(0, SIGMA) * MEDIAN_SECONDS for _ in range(number))
        self._useful = sum(self._waiting)
        self._driver_free = 0.0
        self._lost_seconds = 0.0
        self._away_seconds = 0.0
        self._num_lost = 0
        self._seconds = self._run()

    def _run(self) -> float:
        """Return when the last trial ended."""
        fails = [self._chance.expovariate(1 / self._between) for _ in range(self._nodes)]
        free = [(0.0, node) for node in range(self._nodes)]
        heapq.heapify(free)
        again: list[tuple[float, float]] = []
        """Lost trials, by the moment when their loss is noticed."""
        last = 0.0
        while self._waiting or again:
            moment, node = heapq.heappop(free)
            while again and again[0][0] <= moment:
                self._waiting.appendleft(heapq.heappop(again)[1])
            if not self._waiting:  # what is left has not been noticed yet
                heapq.heappush(free, (again[0][0], node))
                continue
            seconds = self._waiting.popleft()
            began = max(moment, self._driver_free)
            self._driver_free = began + self._overheads.driver
            end = self._driver_free + self._overheads.node + seconds
            if fails[node] >= end:
                heapq.heappush(free, (end, node))
                last = max(last, end)
                continue
            failed = max(fails[node], began)
            noticed = failed + NOTICED_SECONDS
            self._lost_seconds += failed - began
            self._away_seconds += NOTICED_SECONDS + BACK_SECONDS
            self._num_lost += 1
            heapq.heappush(again, (noticed, seconds))
            heapq.heappush(free, (noticed + BACK_SECONDS, node))
            fails[node] = noticed + BACK_SECONDS + self._chance.expovariate(1 / self._between)
        return last

    def line(self) -> str:
        """Return what the nodes' time went into."""
        whole = self._nodes * self._seconds
        return (
            f"predicted (discrete-event model), {self._nodes} nodes, a failure every "
            f"{self._between / 3600:.0f} hours of a node: {self._seconds / 3600:.2f} hours; of the nodes' time "
            f"{self._useful / whole:.1%} in trials that end well, {self._lost_seconds / whole:.1%} in {self._num_lost} "
            f"that were lost and ran again, {self._away_seconds / whole:.1%} away, "
            f"{1 - (self._useful + self._lost_seconds + self._away_seconds) / whole:.1%} waiting: for processes, for "
            "the driver and for the last trials"
        )


if __name__ == "__main__":
    sys.exit(main())
