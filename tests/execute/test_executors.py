"""Executors keep what they promise: the one that gives each trial a process, and the stand-in of other tests."""

from collections.abc import Callable, Mapping

import pytest

from paretune.execute.executor import Executor
from paretune.execute.local import LocalExecutor
from paretune.store import Store
from paretune.testing import End, ExecutorContract
from tests.execute.stand_in import StandIn


class TestLocalExecutor(ExecutorContract):
    @pytest.fixture(autouse=True)
    def set_up(self, quick_worker: Callable[..., tuple[str, ...]]) -> None:
        self.worker = quick_worker

    def executor(self, store: Store, *, jobs: int, time_limit_seconds: float, ends: Mapping[str, End]) -> Executor:
        return LocalExecutor(
            store, jobs=jobs, threads=1, devices=[], time_limit_seconds=time_limit_seconds, worker=self.worker(ends)
        )


class TestStandIn(ExecutorContract):
    def executor(self, store: Store, *, jobs: int, time_limit_seconds: float, ends: Mapping[str, End]) -> Executor:
        return StandIn(ends=ends)(store, jobs=jobs, time_limit_seconds=time_limit_seconds)
