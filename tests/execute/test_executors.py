"""Executors keep what they promise: the one that gives each trial a process, the stand-in of other tests, and the
one that docs/extend/executor.md is about."""

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

import pytest

from paretune.execute.executor import Executor
from paretune.execute.fork_server import POSSIBLE, ForkServer
from paretune.execute.launch import Launching, new_interpreters
from paretune.execute.local import LocalExecutor
from paretune.execute.plan import plan
from paretune.execute.run import run
from paretune.spec import Study
from paretune.store import Store
from paretune.testing import End, ExecutorContract
from paretune.testing.executor_contract import Call, Recorder
from tests.execute.one_by_one import OneByOne
from tests.execute.processes import left_over
from tests.execute.stand_in import StandIn


class TestLocalExecutor(ExecutorContract):
    @pytest.fixture(autouse=True)
    def set_up(self, quick_worker: Callable[..., tuple[str, ...]]) -> None:
        self.command = quick_worker

    def launching(self, ends: Mapping[str, End]) -> Launching:
        return partial(new_interpreters, command=self.command(ends))

    def executor(self, store: Store, *, jobs: int, time_limit_seconds: float, ends: Mapping[str, End]) -> Executor:
        return LocalExecutor(
            store,
            jobs=jobs,
            threads=1,
            devices=[],
            time_limit_seconds=time_limit_seconds,
            launching=self.launching(ends),
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


@pytest.mark.skipif(not POSSIBLE, reason="this system has no fork server")
class TestForkingExecutor(TestLocalExecutor):
    def launching(self, ends: Mapping[str, End]) -> Launching:
        return partial(ForkServer, command=self.command(ends, module="quick_fork_server"))


class TestStandIn(ExecutorContract):
    def executor(self, store: Store, *, jobs: int, time_limit_seconds: float, ends: Mapping[str, End]) -> Executor:
        return StandIn(ends=ends)(store, jobs=jobs, time_limit_seconds=time_limit_seconds)


class TestOneByOne(ExecutorContract):
    @pytest.fixture(autouse=True)
    def set_up(self, quick_worker: Callable[..., tuple[str, ...]]) -> None:
        self.worker = quick_worker

    def executor(self, store: Store, *, jobs: int, time_limit_seconds: float, ends: Mapping[str, End]) -> Executor:
        return OneByOne(store, time_limit_seconds=time_limit_seconds, worker=self.worker(ends))

    def test_a_study_runs_with_it(self, folder: Path, toy_study: Callable[..., Study]) -> None:
        study, worker = toy_study(), self.worker()
        records = run(study, folder, executor=partial(OneByOne, worker=worker))
        assert [record.outcome.kind for record in records] == ["ok", "ok"]
