"""Workers that are forked from a process with its libraries imported: the same trials, the same results."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from paretune.execute.fork_server import POSSIBLE, ForkServer, KeptForkServers
from paretune.execute.launch import Launching, new_interpreters
from paretune.execute.local import LocalExecutor
from paretune.execute.plan import plan
from paretune.execute.run import Silent
from paretune.spec import Phase, Record, Study, Trial
from paretune.store import Store
from tests.execute.processes import left_over

Build = Callable[..., Study]

pytestmark = pytest.mark.skipif(not POSSIBLE, reason="this system has no fork server")

CLOCKS = {"started_at", "step_seconds", "phases", "provenance"}
CLOCK_METRICS = {"step_seconds", "train_seconds", "answers_per_second"}


def results(folder: Path, study: Study, launching: Launching) -> dict[str, Any]:
    """Return all that trials leave but their clocks, by label."""
    store = Store(folder)
    trials = plan(study)
    executor = LocalExecutor(store, threads=1, devices=[], time_limit_seconds=600, launching=launching)
    executor.run(trials, Silent())
    return {trial.method.label: left(store, trial) for trial in trials}


def left(store: Store, trial: Trial) -> tuple[Mapping[str, Any], list[Any], dict[str, bytes]]:
    record = store.attempt(trial.id, 1)
    value = record.model_dump(exclude=CLOCKS)
    value["metrics"] = {name: one for name, one in record.metrics.items() if name not in CLOCK_METRICS}
    adapter = store.adapter_folder(trial.id, 1)
    return value, store.items(record), {file.name: file.read_bytes() for file in adapter.glob("*")}


def test_forked_workers_leave_what_new_interpreters_leave(toy_study: Build, tmp_path: Path) -> None:
    """Losses, memory, answers and the adapters' bytes, of trials that come after others and of the first."""
    study = toy_study(methods=["lora", "adalora", "full"])
    forked = results(tmp_path / "forked", study, ForkServer)
    anew = results(tmp_path / "anew", study, new_interpreters)
    assert forked == anew
    assert [value["outcome"]["kind"] for value, _, _ in forked.values()] == ["ok"] * 3


def test_it_leaves_no_log_where_it_had_nothing_to_say(toy_study: Build, tmp_path: Path) -> None:
    results(tmp_path, toy_study(methods=["base"]), ForkServer)
    assert [file.name for file in (tmp_path / "logs").glob("*.log") if file.stat().st_size] == []
    assert not (tmp_path / "logs" / "fork_server.log").exists()


def test_where_the_server_dies_what_ran_counts_as_not_yet_run(
    toy_study: Build, tmp_path: Path, quick_worker: Callable[..., tuple[str, ...]]
) -> None:
    """The other trials go on with a new server, the next call makes up for what was lost, and nothing is left."""
    store = Store(tmp_path / "results")
    trials = plan(toy_study(methods=["base", "lora", "ia3"]))
    ends = {trial.id: "hang" for trial in trials[:2]}
    servers = []

    def launching(store: Store, environment: Mapping[str, str]) -> ForkServer:
        servers.append(ForkServer(store, environment, quick_worker(ends, module="quick_fork_server")))
        return servers[-1]

    class Killer(Silent):
        def heard(self, trial: Trial, phase: Phase, done: int, total: int) -> None:
            if trial.id in ends:
                servers[-1]._process.kill()

    executor = LocalExecutor(store, jobs=2, threads=1, devices=[], time_limit_seconds=600, launching=launching)
    executor.run(trials, Killer())
    assert latest(store, trials) == ["cancelled", "cancelled", "ok"]
    assert left_over(store.folder) == ""
    ends.clear()
    executor.run(trials[:2], Silent())
    assert latest(store, trials) == ["ok", "ok", "ok"]


def test_kept_servers_stay_from_one_executor_to_the_next(
    toy_study: Build, tmp_path: Path, quick_worker: Callable[..., tuple[str, ...]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """One for each environment, until they are closed."""
    kept = KeptForkServers(quick_worker(module="quick_fork_server"))
    trials = plan(toy_study(methods=["base", "lora", "ia3"]))
    processes = []
    for number, trial in enumerate(trials):
        store = Store(tmp_path / str(number))
        if number == 2:
            monkeypatch.setenv("SOMETHING", "ELSE")
        LocalExecutor(store, threads=1, devices=[], time_limit_seconds=600, launching=kept).run([trial], Silent())
        assert latest(store, [trial]) == ["ok"]
        processes.append([server._process for server in kept._servers.values()])
    first, second, third = processes
    assert first == second == third[:1]
    assert len(third) == 2
    assert [process.poll() for process in third] == [None, None]
    kept.close()
    assert [process.poll() for process in third] == [0, 0]


def latest(store: Store, trials: list[Trial]) -> list[str]:
    found: list[Record | None] = [store.latest(trial.id) for trial in trials]
    return [record.outcome.kind for record in found if record is not None]
