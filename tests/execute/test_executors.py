"""Executors keep what they promise: the one that gives each trial a process, and the stand-in of other tests."""

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from paretune.execute.executor import Executor
from paretune.execute.local import LocalExecutor
from paretune.execute.plan import plan
from paretune.spec import Study
from paretune.store import Store
from paretune.testing import End, ExecutorContract
from paretune.testing.executor_contract import Call, Recorder
from tests.execute.processes import left_over
from tests.execute.stand_in import StandIn


class TestLocalExecutor(ExecutorContract):
    @pytest.fixture(autouse=True)
    def set_up(self, quick_worker: Callable[..., tuple[str, ...]]) -> None:
        self.worker = quick_worker

    def executor(self, store: Store, *, jobs: int, time_limit_seconds: float, ends: Mapping[str, End]) -> Executor:
        return LocalExecutor(
            store, jobs=jobs, threads=1, devices=[], time_limit_seconds=time_limit_seconds, worker=self.worker(ends)
        )

    def test_nothing_outlives_an_interrupted_run(self, tmp_path: Path, toy_study: Callable[..., Study]) -> None:
        def interrupt(call: Call) -> None:
            if call.name == "heard":
                raise KeyboardInterrupt

        store, trials = Store(tmp_path / "results"), plan(toy_study())
        executor = self.executor(store, jobs=2, time_limit_seconds=600, ends={trial.id: "hang" for trial in trials})
        with pytest.raises(KeyboardInterrupt):
            executor.run(trials, Recorder(interrupt))
        assert left_over(store.folder) == ""
        assert store.records() == []


class TestStandIn(ExecutorContract):
    def executor(self, store: Store, *, jobs: int, time_limit_seconds: float, ends: Mapping[str, End]) -> Executor:
        return StandIn(ends=ends)(store, jobs=jobs, time_limit_seconds=time_limit_seconds)
