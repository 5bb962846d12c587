"""Trials on a Ray cluster of two nodes, which is started on this machine: one cluster for all tests of this module."""

import os
from collections.abc import Callable, Iterator, Mapping
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from paretune.execute.executor import Executor
from paretune.execute.ray import ray_executor
from paretune.store import Store
from paretune.testing import End, ExecutorContract

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
        head = {**NODE, "include_dashboard": False, "temp_dir": folder}  # short: sockets lie in it
        found = start(initialize_head=True, head_node_args=head)
        try:
            found.add_node(**NODE)
            ray.init(address=found.address, log_to_driver=False, logging_level="ERROR")
            yield found
        finally:
            ray.shutdown()
            found.shutdown()


class TestRayExecutor(ExecutorContract):
    @pytest.fixture(autouse=True)
    def set_up(self, cluster: Any, quick_worker: Callable[..., tuple[str, ...]]) -> None:
        self.command = quick_worker

    def executor(self, store: Store, *, jobs: int, time_limit_seconds: float, ends: Mapping[str, End]) -> Executor:
        return ray_executor(
            store,
            jobs=jobs,
            threads=1,
            time_limit_seconds=time_limit_seconds,
            command=self.command(ends),
            check=lambda provenance, node: None,  # the records of these workers are made up
        )
