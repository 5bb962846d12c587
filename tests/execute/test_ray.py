"""Trials on a Ray cluster of two nodes, which is started on this machine: one cluster for all tests of this module."""

import os
import signal
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory, gettempdir
from typing import Any

import pytest

from paretune.execute.executor import Executor
from paretune.execute.fork_server import POSSIBLE, kept_fork_servers
from paretune.execute.launch import Launching, new_interpreters
from paretune.execute.plan import plan
from paretune.execute.ray import ray_executor
from paretune.spec import InputError
from paretune.store import Store
from paretune.testing import End, ExecutorContract
from paretune.testing.executor_contract import Call, Recorder
from tests.execute.processes import children_of

ray = pytest.importorskip("ray", reason='Ray is not installed: pip install "paretune[ray]"')

ROOT = Path(__file__).parents[2]
NODE: dict[str, Any] = {"num_cpus": 1, "object_store_memory": 100_000_000}


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    """Return a running cluster, to which this process is connected. Its nodes can run workers of these tests."""
    start: Any = import_module("ray.cluster_utils").Cluster

    with pytest.MonkeyPatch.context() as patch, TemporaryDirectory(prefix="r", dir="/tmp") as folder:
        path = os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])
        patch.setenv("PYTHONPATH", path)
        patch.setenv("RAY_USAGE_STATS_ENABLED", "0")
        patch.setenv("RAY_worker_niceness", "0")  # other tests run at the same time
        Path(gettempdir(), "ray").mkdir(exist_ok=True)  # Ray keeps the address there, wherever the cluster is
        head = {**NODE, "include_dashboard": False, "no_monitor": True, "temp_dir": folder}  # short: sockets lie in it
        found = start(initialize_head=True, head_node_args=head)
        try:
            found.add_node(**NODE)
            ray.init(address=found.address, log_to_driver=False, logging_level="ERROR")
            yield found
        finally:
            ray.shutdown()
            found.shutdown()


class TestRayExecutor(ExecutorContract):
    """As trials run by default where there is no GPU: the process that Ray keeps for tasks keeps a fork server."""

    @pytest.fixture(autouse=True)
    def set_up(self, cluster: Any, quick_worker: Callable[..., tuple[str, ...]]) -> None:
        self.command = quick_worker

    def launching(self, ends: Mapping[str, End]) -> Launching:
        if POSSIBLE:
            return partial(kept_fork_servers, command=self.command(ends, module="quick_fork_server"))
        return partial(new_interpreters, command=self.command(ends))

    def executor(self, store: Store, *, jobs: int, time_limit_seconds: float, ends: Mapping[str, End]) -> Executor:
        return ray_executor(
            store,
            jobs=jobs,
            threads=1,
            time_limit_seconds=time_limit_seconds,
            launching=self.launching(ends),
            check=lambda provenance, node: None,  # the records of these workers are made up
        )


def test_nodes_with_other_versions_are_refused_before_anything_runs(
    cluster: Any, toy_study: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("paretune.execute.cluster_versions.versions_here", lambda: {"torch": "1.0.0"})
    watcher = Recorder()
    with pytest.raises(
        InputError, match=r"^node .+ \([0-9a-f]{8}\): torch .+, and here it is 1\.0\.0; install"
    ) as caught:
        ray_executor(Store(tmp_path / "results"), time_limit_seconds=3600).run(plan(toy_study()), watcher)
    assert len(str(caught.value).splitlines()) == 1
    assert watcher.calls == []


def remove(cluster: Any, node: Any) -> None:
    """Take a node from the cluster, which is told."""
    cluster.remove_node(node)


def kill(cluster: Any, node: Any) -> None:
    """Kill the processes of a node, as a loss of power does: the cluster finds out by itself."""
    raylet = node.all_processes["raylet"][0].process.pid
    for process in [raylet, *children_of(raylet)]:
        os.kill(process, signal.SIGKILL)


@pytest.mark.parametrize("lose", [remove, kill])
def test_the_trial_of_a_lost_node_runs_again_elsewhere(
    lose: Callable[[Any, Any], None],
    cluster: Any,
    quick_worker: Callable[..., tuple[str, ...]],
    toy_study: Callable[..., Any],
    tmp_path: Path,
) -> None:
    """Three nodes run a trial each when one of them is lost. No other trial is begun twice."""
    node = cluster.add_node(**NODE)
    store, trials = Store(tmp_path / "results"), plan(toy_study(seeds=[0, 1, 2]))
    lost = tmp_path / "lost"
    running: set[str] = set()

    def at_last(call: Call) -> None:
        if call.name == "heard":
            running.add(call.trial_id)
        if len(running) == 3 and not lost.exists():
            lose(cluster, node)
            lost.touch()

    command = quick_worker(until=lost)
    executor = ray_executor(
        store,
        threads=1,
        time_limit_seconds=3600,
        launching=partial(new_interpreters, command=command),
        check=lambda provenance, node: None,
    )
    try:
        executor.run(trials, Recorder(at_last))
    finally:
        if node in cluster.worker_nodes:
            cluster.remove_node(node)
    records = [store.latest(trial.id) for trial in trials]
    assert [record.outcome.kind for record in records if record] == ["ok"] * len(trials)
    (again,) = [record for record in records if record and record.notes]
    assert again.notes[0].startswith("run again once: the node was lost")
    begun = Counter(Path(command[-1]).with_suffix(".runs").read_text().split())
    assert begun == {trial.id: 2 if trial.id == again.trial_id else 1 for trial in trials}
    assert {record.attempt for record in records if record} == {1}


def test_a_run_starts_while_a_node_is_being_lost(
    cluster: Any, quick_worker: Callable[..., tuple[str, ...]], toy_study: Callable[..., Any], tmp_path: Path
) -> None:
    """Ray still lists a node whose processes were killed a moment ago."""
    node = cluster.add_node(**NODE)
    store, (trial, *_) = Store(tmp_path / "results"), plan(toy_study())
    executor = ray_executor(
        store,
        threads=1,
        time_limit_seconds=3600,
        launching=partial(new_interpreters, command=quick_worker()),
        check=lambda provenance, node: None,
    )
    try:
        kill(cluster, node)
        executor.run([trial], Recorder())
    finally:
        cluster.remove_node(node)
    assert store.attempt(trial.id, 1).outcome.kind == "ok"
