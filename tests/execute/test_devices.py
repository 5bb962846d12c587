"""Each trial has an accelerator of its own, where there are any. The devices here are made up."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from paretune.cli.studies import RunOptions, checked
from paretune.execute.launch import new_interpreters
from paretune.execute.local import LocalExecutor
from paretune.execute.plan import plan
from paretune.execute.run import Silent
from paretune.models.devices import CUDA_VARIABLE
from paretune.spec import InputError, Study, Trial
from paretune.store import Store

Build = Callable[..., Study]


def test_it_is_said_before_the_study_is_checked(gpus: Callable[..., None], toy_study: Build, folder: Path) -> None:
    gpus(1)
    study = toy_study(methods=[{"name": "lora", "parameters": {"r": 0}}])
    for weights in (False, True):  # `--plan`, and `run`
        with pytest.raises(InputError, match="--jobs 2") as caught:
            checked(study, folder, RunOptions(jobs=2), weights=weights)
        assert len(caught.value.problems) == 1


class TestWorkers:
    """What the processes of trials see and record; they train nothing."""

    @pytest.fixture
    def run(self, toy_study: Build, folder: Path, quick_worker: Callable[..., tuple[str, ...]]) -> Callable[..., Store]:
        """Return a function that runs trials and returns their store."""

        def go(num_trials: int, *, alone: bool = False, at_once: int = 1, **options: Any) -> Store:
            store = Store(folder)
            launching = partial(new_interpreters, command=quick_worker(at_once=at_once))
            executor = LocalExecutor(store, time_limit_seconds=600, launching=launching, **options)
            executor.run(trials_of(toy_study, num_trials), Silent(), alone=alone)
            return store

        self.study = toy_study
        return go

    def seen(self, store: Store) -> list[str]:
        """Return the devices of trials in the order in which they were started."""
        folders = [store.adapter_folder(trial.id, 1) for trial in trials_of(self.study, 4)]
        return [(folder / "devices.txt").read_text() for folder in folders if folder.exists()]

    def test_each_trial_sees_a_device_of_its_own(self, run: Callable[..., Store]) -> None:
        seen = self.seen(run(4, jobs=2, devices=["3", "MIG-aa"]))
        assert seen[:2] == ["3", "MIG-aa"]
        assert set(seen) == {"3", "MIG-aa"}

    def test_trials_that_must_be_alone_have_a_device_each(self, run: Callable[..., Store]) -> None:
        store = run(3, jobs=4, devices=["0", "1"], share_devices=True, alone=True)
        assert self.seen(store)[:2] == ["0", "1"]
        assert at_once_in(store) == [1, 1, 1]

    def test_trials_that_may_share_are_spread_evenly(self, run: Callable[..., Store]) -> None:
        assert self.seen(run(4, jobs=4, devices=["0", "1"], share_devices=True)) == ["0", "1", "0", "1"]

    def test_without_accelerators_the_variable_stays_as_it_is(
        self, run: Callable[..., Store], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv(CUDA_VARIABLE, "7")
        assert self.seen(run(1, jobs=4, devices=[])) == ["7"]

    def test_an_executor_refuses_more_jobs_than_devices(self, run: Callable[..., Store]) -> None:
        with pytest.raises(InputError, match="--share-devices"):
            run(2, jobs=2, devices=["0"])

    @pytest.mark.parametrize(("num_trials", "jobs", "at_once"), [(1, 4, 1), (3, 4, 3), (2, 1, 1)])
    def test_records_say_how_many_ran_at_once_and_not_how_many_might(
        self, run: Callable[..., Store], num_trials: int, jobs: int, at_once: int
    ) -> None:
        assert at_once_in(run(num_trials, jobs=jobs, devices=[], at_once=at_once)) == [at_once] * num_trials

    @pytest.mark.parametrize(("jobs", "at_once"), [(4, 2), (2, 1)])
    def test_only_trials_on_the_same_device_count(self, run: Callable[..., Store], jobs: int, at_once: int) -> None:
        store = run(jobs, jobs=jobs, devices=["0", "1"], share_devices=True, at_once=at_once)
        assert at_once_in(store) == [at_once] * jobs


def at_once_in(store: Store) -> list[int | None]:
    return [one.provenance.concurrent_workers for one in store.records() if one.provenance]


def trials_of(build: Build, number: int) -> list[Trial]:
    return plan(build(methods=["base", "lora", "ia3", "oft"]))[:number]
