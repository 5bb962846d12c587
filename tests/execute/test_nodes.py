"""What a node of a cluster lacks is said in one line that names it, and the next run goes on. In one process."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from paretune.execute.events import Watcher
from paretune.execute.executor import DiskFull, bare_record, disk_full
from paretune.execute.on_node import Left, run_on_node
from paretune.execute.outcomes import outcome_of
from paretune.execute.plan import plan
from paretune.execute.prepare import pending_trials, results_in
from paretune.execute.remote import RemoteExecutor, Task
from paretune.execute.run import Silent
from paretune.measure.provenance import collect_provenance
from paretune.spec import Cancelled, InputError, Ok, Outcome, Phase, Trial, Unreachable
from paretune.store import Store

CHECKPOINT = "adapter.safetensors"
NO_NETWORK = Unreachable('base model "hub:a/b": the hub cannot be reached')


class Ending:
    """Takes the place of `LocalExecutor` on a node: each trial ends in the same way, with these packages."""

    def __init__(self, outcome: Outcome | None = None, **packages: str) -> None:
        self._outcome = outcome or Ok()
        made = collect_provenance(concurrent_workers=1)
        self._provenance = made.model_copy(update={"packages": {**made.packages, **packages}})

    def __call__(self, store: Store, **_: Any) -> "Ending":
        self._store = store
        return self

    def run(self, trials: Sequence[Trial], watcher: Watcher) -> None:
        for trial in trials:
            record = bare_record(trial, 1, self._outcome).model_copy(update={"provenance": self._provenance})
            folder = self._store.adapter_folder(trial.id, 1)
            folder.mkdir(parents=True)
            (folder / CHECKPOINT).touch()
            self._store.append(record, None)
        if isinstance(self._outcome, Cancelled) and self._outcome.disk_full:
            raise DiskFull(self._outcome.reason)


class OneNode:
    """A cluster of one node, which runs a trial when it is asked what became of it."""

    def __init__(self) -> None:
        self._tasks: dict[int, Task] = {}

    def room(self, *, alone: bool) -> int:
        return 1

    def threads(self, *, alone: bool) -> int:
        return 1

    def submit(self, tasks: Sequence[Task], *, alone: bool) -> None:
        self._tasks |= {task.number: task for task in tasks}

    def news(self, wait_seconds: float) -> tuple[()]:
        return ()

    def ended(self, number: int) -> Left:
        return run_on_node(self._tasks.pop(number).assignment, "node-7", lambda news: None)


@contextmanager
def connect() -> Iterator[OneNode]:
    yield OneNode()


@pytest.fixture
def trials(toy_study: Any) -> list[Trial]:
    return plan(toy_study())


def run(store: Store, trials: Sequence[Trial], on_node: Ending) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("paretune.execute.on_node.LocalExecutor", on_node)
        RemoteExecutor(store, connect, time_limit_seconds=60).run(trials, Silent())


def test_a_node_with_another_peft_ends_the_run_in_one_line(trials: list[Trial], folder: Path) -> None:
    store = Store(folder)
    with pytest.raises(InputError, match=r"^node node-7: peft 0\.1, and here it is \S+; install the same") as caught:
        run(store, trials, Ending(peft="0.1"))
    assert len(str(caught.value).splitlines()) == 1
    assert store.records() == []
    run(store, trials, Ending())
    assert [record.outcome.kind for record in store.records()] == ["ok", "ok"]


def test_a_full_disk_names_its_node_and_the_next_run_goes_on(trials: list[Trial], folder: Path) -> None:
    store = Store(folder)
    with pytest.raises(DiskFull, match=r"^node-7: /tmp: the disk is full; free space, then run again$"):
        run(store, trials, Ending(disk_full(Phase.SAVE, Path("/tmp"))))
    (record,) = store.records()
    assert record.outcome.kind == "cancelled"
    run(store, pending_trials(trials, results_in(store)), Ending())
    assert [store.latest(trial.id) is not None for trial in trials] == [True, True]
    assert store.attempt(record.trial_id, 2).outcome.kind == "ok"


def test_a_node_that_does_not_reach_the_hub_is_named_and_its_trials_run_again(
    trials: list[Trial], folder: Path
) -> None:
    store = Store(folder)
    run(store, trials, Ending(outcome_of(NO_NETWORK, Phase.LOAD, folder)))
    assert {getattr(record.outcome, "reason", "") for record in store.records()} == {f"node-7: {NO_NETWORK}"}
    assert pending_trials(trials, results_in(store)) == trials


def test_what_a_killed_driver_left_of_a_trial_is_replaced(trials: list[Trial], folder: Path) -> None:
    """It was killed between writing a checkpoint and its record."""
    store = Store(folder)
    first, second = trials
    run(store, [first], Ending())
    half = store.adapter_folder(second.id, 1)
    half.mkdir(parents=True)
    (half / "half.safetensors").touch()
    rest = pending_trials(trials, results_in(store))
    assert rest == [second]
    run(store, rest, Ending())
    assert [path.name for path in half.iterdir()] == [CHECKPOINT]
    assert store.attempt(second.id, 1).outcome.kind == "ok"
