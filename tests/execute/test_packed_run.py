"""Runs in which trials are trained in one pass: what is timed, what is refused, and what a killed worker costs."""

import os
import signal
from collections.abc import Callable
from pathlib import Path

from paretune.execute.grouping import Packing
from paretune.execute.local import LocalExecutor
from paretune.execute.plan import plan
from paretune.execute.run import Silent, run
from paretune.spec import Study
from paretune.store import Store
from paretune.testing.executor_contract import Call, Recorder
from tests.execute.processes import left_over, workers_on

Build = Callable[..., Study]


def test_first_seeds_are_timed_and_further_ones_trained_together(toy_study: Build, folder: Path) -> None:
    study = toy_study(methods=["base", "lora"], seeds=[0, 1, 2])
    records = run(study, folder, pack=4, threads=1)
    assert [record.outcome.kind for record in records] == ["ok"] * 4
    by_seed = {record.trial.seed: record for record in records if record.trial.method.trains}
    assert by_seed[0].packed_with == ()
    assert by_seed[0].step_seconds
    assert by_seed[1].packed_with == (by_seed[2].trial_id,)
    assert by_seed[2].packed_with == (by_seed[1].trial_id,)
    assert not by_seed[1].step_seconds
    before = dict(by_seed)
    again = run(study, folder, pack=4, threads=1)
    assert {record.trial.seed: record for record in again if record.trial.method.trains} == before


def test_what_cannot_be_trained_together_runs_alone(toy_study: Build, folder: Path) -> None:
    trials = plan(toy_study(methods=["full"], seeds=[1, 2]))
    store, watcher = Store(folder), Recorder()
    executor = LocalExecutor(store, threads=1, devices=[], time_limit_seconds=600, packing=Packing(2, 0))
    executor.run(trials, watcher)
    executor.close()
    found = [store.attempt(trial.id, 1) for trial in trials]
    assert [(record.outcome.kind, record.packed_with) for record in found] == [("ok", ())] * 2
    for trial in trials:
        names = [call.name for call in watcher.calls if call.trial_id == trial.id]
        assert (names[0], names[-1]) == ("started", "finished")
        assert (names.count("started"), names.count("finished")) == (1, 1)


def test_a_killed_pack_loses_no_finished_trial_and_repeats_none(toy_study: Build, folder: Path) -> None:
    """Killed while the second of three is evaluated, or before: what has a record stays, the rest counts as not run."""
    trials = plan(toy_study(methods=["lora"], seeds=[1, 2, 3]))
    store = Store(folder)
    executor = LocalExecutor(store, threads=1, devices=[], time_limit_seconds=600, packing=Packing(3, 0))

    def kill(call: Call) -> None:
        if call.name == "heard" and any(store.latest(trial.id) for trial in trials):
            for process in workers_on(store.folder):
                os.kill(process, signal.SIGKILL)

    executor.run(trials, Recorder(kill))
    first = {record.trial_id: record for record in store.records()}
    kinds = sorted(record.outcome.kind for record in first.values())
    assert kinds[-1] == "ok"
    executor.run([trial for trial in trials if first[trial.id].outcome.kind != "ok"], Silent())
    executor.close()
    second = {record.trial_id: record for record in store.records()}
    assert [second[trial.id].outcome.kind for trial in trials] == ["ok"] * 3
    for trial_id, record in first.items():
        if record.outcome.kind == "ok":
            assert second[trial_id] == record
    assert left_over(store.folder) == ""
