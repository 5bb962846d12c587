"""Trials that train nothing, and Ray clusters of this machine to run them: what the benchmarks of clusters share.

    python -m benchmarks.cluster_trials FOLDER SECONDS TRIAL STORE ...             # the worker; executors start it
    python -m benchmarks.cluster_trials FOLDER SECONDS --serve SOCKET STORE        # a server that forks such workers

All but the training is the real worker's: its process, events, record, checkpoint and end. A trial waits between half
and one and a half of SECONDS; how long, its metric and its checkpoint follow from its id. FOLDER/begun gets a line for
each trial that begins.
"""

import logging
import os
import random
import socket
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory, gettempdir
from typing import Any, NamedTuple, SupportsInt

from paretune.execute.events import Listener, Watcher
from paretune.execute.executor import Finished
from paretune.execute.fork_server import kept_fork_servers, serve
from paretune.execute.launch import Launching, new_interpreters
from paretune.execute.worker import main
from paretune.spec import Ok, Phase, Record, Study, Trial
from paretune.store import Store

STEPS = 8
NODE: dict[str, Any] = {"num_cpus": 1, "object_store_memory": 100_000_000}
ROOT = Path(__file__).parents[1]


class Worker(NamedTuple):
    """How the workers are started."""

    folder: Path
    """Where they note what they begin."""
    seconds: float
    """How long a trial waits, on average."""

    @property
    def command(self) -> tuple[str, ...]:
        """The words before those of the real worker."""
        return sys.executable, "-m", "benchmarks.cluster_trials", str(self.folder), str(self.seconds)

    @property
    def forked(self) -> Launching:
        """Forks workers from a server that each node keeps, as Ray's nodes do without GPUs."""
        return partial(kept_fork_servers, command=(*self.command, "--serve"))

    @property
    def anew(self) -> Launching:
        """Starts each worker as a new interpreter."""
        return partial(new_interpreters, command=self.command)

    @property
    def begun(self) -> Counter[str]:
        """How often each trial has begun, by its id."""
        file = self.folder / "begun"
        return Counter(file.read_text(encoding="utf-8").split() if file.exists() else ())


def waits(trial_id: str, seconds: float) -> float:
    """Return how long a trial waits."""
    return seconds * (0.5 + random.Random(trial_id).random())


def run(
    trial: Trial,
    checkpoint: Path,
    *,
    attempt: int,
    concurrent_workers: SupportsInt,  # noqa: ARG001 (as the worker calls it)
    listener: Listener,
) -> Finished:
    """Wait as long as the trial takes, and return a record that follows from the trial's id."""
    folder, seconds = Path(sys.argv[1]), float(sys.argv[2])
    with (folder / "begun").open("a", encoding="utf-8") as file:
        file.write(f"{trial.id}\n")
    listener.phase(Phase.TRAIN)
    for step in range(STEPS):
        time.sleep(waits(trial.id, seconds) / STEPS)
        listener.progress(step + 1, STEPS)
    content = random.Random(trial.id)
    checkpoint.mkdir(parents=True)
    (checkpoint / "adapter.bin").write_bytes(content.randbytes(100_000))
    metrics = {"validation_loss": content.random()}
    record = Record(
        trial_id=trial.id, attempt=attempt, trial=trial, outcome=Ok(), metrics=metrics, started_at="made up"
    )
    return Finished(record, None)


def trials(number: int) -> list[Trial]:
    """Return trials of a study on a model that is built in memory."""
    from paretune.execute.plan import plan  # what workers import shall be little: they start within a second

    value = {
        "name": "cluster",
        "base_model": "toy:llama",
        "tasks": [{"name": "word_problems", "options": {"train_size": 8, "validation_size": 4, "test_size": 4}}],
        "methods": ["lora"],
        "seeds": list(range(number)),
        "recipe": {"steps": 2, "batch_size": 2, "memory_steps": 1},
    }
    return plan(Study.read(value, "the benchmark's study"))


def run_on_ray(store: Store, planned: Sequence[Trial], launching: Launching, watcher: Watcher) -> float:
    """Run trials on the cluster that this process is connected to, and return how many seconds that took."""
    from paretune.execute.ray import ray_executor

    executor = ray_executor(store, threads=1, time_limit_seconds=3600, launching=launching)
    began = time.monotonic()
    executor.run(planned, watcher)
    return time.monotonic() - began


@contextmanager
def ray_nodes(number: int) -> Iterator[Any]:
    """Yield a cluster of nodes of one core each and a head without one, to which this process is connected."""
    import ray

    start: Any = import_module("ray.cluster_utils").Cluster
    os.environ["PYTHONPATH"] = os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])
    os.environ |= {"RAY_USAGE_STATS_ENABLED": "0", "RAY_worker_niceness": "0"}
    with TemporaryDirectory(prefix="r", dir="/tmp", ignore_cleanup_errors=True) as folder:  # sockets need a short path
        Path(gettempdir(), "ray").mkdir(exist_ok=True)  # Ray keeps the address there, wherever the cluster is
        head = {**NODE, "num_cpus": 0, "include_dashboard": False, "no_monitor": True, "temp_dir": folder}
        cluster = start(initialize_head=True, head_node_args=head)
        try:
            for _ in range(number):
                cluster.add_node(**NODE)
            ray.init(address=cluster.address, log_to_driver=False, logging_level=logging.ERROR)
            yield cluster
        finally:
            ray.shutdown()
            cluster.shutdown()


if __name__ == "__main__":
    if sys.argv[3] == "--serve":
        with socket.socket(fileno=int(sys.argv[4])) as parent:
            serve(parent, partial(main, run))
        sys.exit()
    sys.exit(main(run, sys.argv[3:]))
