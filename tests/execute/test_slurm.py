"""Trials as jobs of submitit, by its executor for one machine; and what Slurm's commands are told, by stand-ins."""

from collections.abc import Callable, Mapping
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from paretune.execute.choose import chosen_executor
from paretune.execute.executor import Executor
from paretune.execute.launch import new_interpreters
from paretune.execute.plan import plan
from paretune.execute.run import Silent
from paretune.execute.slurm import slurm_executor
from paretune.spec import InputError, Record
from paretune.store import Store
from paretune.testing import End, ExecutorContract

pytest.importorskip("submitit", reason='submitit is not installed: pip install "paretune[slurm]"')


class TestSlurmExecutor(ExecutorContract):
    @pytest.fixture(autouse=True)
    def set_up(self, quick_worker: Callable[..., tuple[str, ...]]) -> None:
        self.command = quick_worker

    def executor(self, store: Store, *, jobs: int, time_limit_seconds: float, ends: Mapping[str, End]) -> Executor:
        return slurm_executor(
            store,
            jobs=jobs,
            threads=1,
            time_limit_seconds=time_limit_seconds,
            cluster="local",
            launching=partial(new_interpreters, command=self.command(ends)),
            check=lambda provenance, node: None,  # the records of these workers are made up
        )


@pytest.fixture
def slurm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder of stand-ins for Slurm's commands, which come first on the path. sbatch takes no job.

    Each call is a line of the file `called` there, and the last script given to sbatch is kept as `script`.
    """
    folder = tmp_path / "bin"
    folder.mkdir()
    said = f'echo "$(basename "$0") $*" >> {folder / "called"}'
    refuses = f'cp "$1" {folder / "script"}\necho "sbatch: error: invalid partition specified: none" >&2\nexit 1'
    for name, then in {"sbatch": refuses, "srun": "", "scancel": "", "sacct": ""}.items():
        (folder / name).write_text(f"#!/bin/sh\n{said}\n{then}\n")
        (folder / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(folder), prepend=":")
    return folder


def test_a_job_that_slurm_does_not_take_is_said_in_one_line(
    slurm: Path, toy_study: Callable[..., Any], tmp_path: Path
) -> None:
    executor = slurm_executor(Store(tmp_path / "results"), threads=3, time_limit_seconds=90)
    with pytest.raises(InputError, match="invalid partition specified") as caught:
        executor.run(plan(toy_study()), Silent(), alone=True)
    assert len(str(caught.value).splitlines()) == 1
    asked = (slurm / "script").read_text().splitlines()
    assert {"#SBATCH --cpus-per-task=3", "#SBATCH --exclusive", "#SBATCH --time=12"} <= set(asked)


@pytest.fixture
def ended_as(
    slurm: Path, toy_study: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[[str], tuple[Record, int]]:
    """Return a function that runs a trial whose jobs all end in a state: its record, and how many there were."""
    submitit = import_module("submitit")
    submitit.SlurmJob.watcher.clear()
    monkeypatch.setattr(submitit.Job, "_results_timeout_s", 0)
    monkeypatch.setattr("paretune.execute.remote.MOST_LOSSES", 1)
    jobs = slurm / "jobs"

    def run(state: str) -> tuple[Record, int]:
        takes = f'echo job >> {jobs}\necho "Submitted batch job $(wc -l < {jobs})"'
        says = f'shift 3\necho "JobID|State|NodeList"\nfor id in "$@"; do echo "$id|{state}|n1"; done'
        for name, script in {"sbatch": takes, "sacct": says}.items():
            (slurm / name).write_text(f"#!/bin/sh\n{script}\n")
        store, trial = Store(tmp_path / "results"), plan(toy_study())[0]
        slurm_executor(store, time_limit_seconds=90).run([trial], Silent())
        return store.attempt(trial.id, 1), len(jobs.read_text().splitlines())

    return run


def test_a_trial_whose_node_slurm_lost_is_submitted_again(ended_as: Callable[[str], tuple[Record, int]]) -> None:
    record, num_jobs = ended_as("NODE_FAIL")
    assert num_jobs == 2
    assert record.outcome.kind == "cancelled"
    assert record.notes == ("run again once: the node was lost (Slurm says NODE_FAIL)",)


@pytest.mark.parametrize(("state", "kind"), [("OUT_OF_MEMORY", "out_of_memory"), ("CANCELLED by 0", "cancelled")])
def test_a_trial_that_slurm_ended_has_a_record(
    state: str, kind: str, ended_as: Callable[[str], tuple[Record, int]]
) -> None:
    record, num_jobs = ended_as(state)
    assert num_jobs == 1
    assert record.outcome.kind == kind
    assert record.notes == ()


def test_jobs_that_a_killed_run_left_are_cancelled_by_the_next(
    slurm: Path, toy_study: Callable[..., Any], tmp_path: Path
) -> None:
    left = tmp_path / "results" / "slurm"
    left.mkdir(parents=True)
    for job in ("17", "18_3"):
        (left / f"{job}_submitted.pkl").touch()
    with pytest.raises(InputError):
        slurm_executor(Store(tmp_path / "results"), time_limit_seconds=90).run(plan(toy_study()), Silent())
    called = (slurm / "called").read_text().splitlines()
    assert sorted(line for line in called if line.startswith("scancel")) == ["scancel 17", "scancel 18_3"]
    assert not left.exists()


def test_where_there_is_no_slurm_it_is_refused_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(InputError, match="there is no sbatch here"), chosen_executor("slurm", None, None):
        pass
