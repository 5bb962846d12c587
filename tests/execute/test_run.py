"""The whole path, for real, on a model built in memory: train, save, reload, answer, record, resume."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from paretune.execute.plan import plan
from paretune.execute.run import run
from paretune.spec import InputError, Phase, Record, Study, Trial
from paretune.store import Store
from tests.execute.processes import left_over, workers_on

Build = Callable[..., Study]

kept_fork_servers = pytest.mark.usefixtures("kept_fork_servers")


def stable(record: Record) -> dict[str, Any]:
    """Return what must not differ between two runs of the same trial: everything but clocks."""
    value = record.model_dump(mode="json")
    for key in ("started_at", "attempt", "step_seconds", "phases", "provenance"):
        del value[key]
    for key in ("step_seconds", "train_seconds", "answers_per_second"):
        value["metrics"].pop(key, None)
    return value


def answers(folder: Path, record: Record) -> list[Any]:
    return Store(folder).items(record)


class Starts:
    """Notes the trials that are started."""

    def __init__(self) -> None:
        self.ids: list[str] = []

    def started(self, trial: Trial) -> None:
        self.ids.append(trial.id)

    def heard(self, trial: Trial, phase: Phase, done: int, total: int) -> None:
        pass

    def finished(self, trial: Trial, record: Record, seconds: float) -> None:
        pass


@kept_fork_servers
def test_a_study_ends_with_complete_records(toy_study: Build, folder: Path) -> None:
    records = run(toy_study(methods=["base", "lora", "full"]), folder)
    assert [record.outcome.kind for record in records] == ["ok", "ok", "ok"]
    base, lora, full = records
    for record in records:
        assert 0 <= record.metrics["accuracy"] <= 1
        assert record.metrics["answer_peak_bytes"] > 0
        assert record.num_items == 16
        assert len(answers(folder, record)) == 16
        assert record.provenance is not None
    for name in ("train_peak_bytes", "step_seconds", "checkpoint_bytes", "trainable_parameters", "validation_loss"):
        assert base.metric(name) is None
        assert lora.metrics[name] < full.metrics[name] or name in {"step_seconds", "validation_loss"}
    assert base.metrics["forgetting"] == 0
    assert lora.metrics["forgetting"] != 0
    assert len(lora.train_losses) == len(lora.step_seconds) == 4
    assert lora.metrics["train_seconds"] == pytest.approx(sum(lora.step_seconds))
    assert {reading.phase for reading in lora.phases} >= {Phase.LOAD, Phase.TRAIN, Phase.SAVE, Phase.TEST, Phase.RETAIN}


@kept_fork_servers
def test_equal_trials_are_bit_identical_and_seeds_differ(toy_study: Build, tmp_path: Path) -> None:
    study = toy_study(methods=["lora"], seeds=[0, 1])
    first, second = (run(study, tmp_path / name) for name in ("a", "b"))
    for one, other in zip(first, second, strict=True):
        assert stable(one) == stable(other)
        assert answers(tmp_path / "a", one) == answers(tmp_path / "b", other)
    assert first[0].train_losses != first[1].train_losses


@kept_fork_servers
def test_a_finished_study_starts_nothing(toy_study: Build, folder: Path) -> None:
    study = toy_study(methods=["base"])
    first = run(study, folder)
    assert run(study, folder, watcher=(starts := Starts())) == first
    assert starts.ids == []


@kept_fork_servers
def test_a_study_can_grow(toy_study: Build, folder: Path) -> None:
    (base,) = run(toy_study(methods=["base"]), folder)
    grown = run(toy_study(methods=["base", "ia3"]), folder)
    assert grown[0] == base
    assert [record.trial.method.label for record in grown] == ["base", "ia3"]


@kept_fork_servers
def test_studies_of_two_recipes_do_not_share_a_folder(toy_study: Build, folder: Path) -> None:
    run(toy_study(methods=["base"]), folder)
    with pytest.raises(InputError, match="--out"):
        run(toy_study(methods=["base"], recipe={"steps": 5, "batch_size": 4}), folder)


def test_a_trial_that_takes_too_long_leaves_a_record(toy_study: Build, folder: Path) -> None:
    (record,) = run(toy_study(methods=["lora"], time_limit_seconds=0.5), folder)
    assert record.outcome.kind == "timed_out"


@kept_fork_servers
def test_a_loss_that_explodes_is_a_divergence(toy_study: Build, folder: Path) -> None:
    study = toy_study(methods=[{"name": "full", "learning_rate": 1e30}], recipe={"steps": 4, "warmup_ratio": 0.0})
    (record,) = run(study, folder)
    assert record.outcome.kind == "diverged"
    assert record.metrics["train_peak_bytes"] > 0


class KillOnce:
    """Kills the worker of one method as soon as it trains."""

    def __init__(self, label: str, folder: Path) -> None:
        self._label = label
        self._folder = folder
        self.killed = False

    def started(self, trial: Trial) -> None:
        pass

    def heard(self, trial: Trial, phase: Phase, done: int, total: int) -> None:
        if trial.method.label == self._label and phase is Phase.TRAIN and not self.killed:
            self.killed = True
            for worker in workers_on(self._folder):
                os.kill(worker, signal.SIGKILL)

    def finished(self, trial: Trial, record: Record, seconds: float) -> None:
        pass


def test_a_killed_worker_leaves_a_record_and_the_next_run_finishes(toy_study: Build, folder: Path) -> None:
    study = toy_study(methods=["base", "lora"], recipe={"steps": 100, "batch_size": 4})
    base, lora = run(study, folder, watcher=(killer := KillOnce("lora", folder)))
    assert killer.killed
    assert (base.outcome.kind, lora.outcome.kind) == ("ok", "cancelled")
    before = _bytes(folder)
    again = run(study, folder)
    assert [record.outcome.kind for record in again] == ["ok", "ok"]
    assert again[1].attempt == 2
    after = _bytes(folder)
    assert {name: after[name] for name in before} == before


def test_a_killed_run_takes_its_workers_along_and_the_next_finishes(
    toy_study: Build, folder: Path, tmp_path: Path
) -> None:
    study = toy_study(methods=["base", "lora"], recipe={"steps": 40, "batch_size": 4})
    script = tmp_path / "go.py"
    script.write_text(
        "import sys\nfrom paretune.spec import Study\nfrom paretune.execute.run import run\n"
        f"run(Study.model_validate_json({study.canonical_json()!r}), {str(folder)!r})\n"
    )
    process = subprocess.Popen([sys.executable, str(script)])
    lora = plan(study)[1]
    log = Store(folder).log_file(lora.id, 1)
    deadline = time.monotonic() + 1800
    while not log.exists() and time.monotonic() < deadline:
        time.sleep(0.1)
    process.kill()
    process.wait()
    before = _bytes(folder)
    assert len(before) == 1, "the first trial had finished and the second had not"
    assert left_over(folder) == ""
    records = run(study, folder)
    assert [record.outcome.kind for record in records] == ["ok", "ok"]
    assert {name: _bytes(folder)[name] for name in before} == before


def _bytes(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in (folder / "records").glob("*.json")}
