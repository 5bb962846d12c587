"""What reaches the person from a worker: its outcome, its sentence, its warnings, and nothing else."""

import errno
import json
import logging
import os
import sys
import warnings
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from paretune.cli.studies import RunOptions, run_and_show
from paretune.execute.executor import DiskFull, disk_full
from paretune.execute.launch import new_interpreters
from paretune.execute.library_warnings import collect_warnings
from paretune.execute.local import LocalExecutor
from paretune.execute.outcomes import outcome_of
from paretune.execute.run import run
from paretune.execute.trial import run_trial
from paretune.report.wording import outcome_text
from paretune.spec import Phase, Study
from paretune.store import Store
from tests.execute.stand_in import Deaf

Build = Callable[..., Study]


FULL = [
    OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)),
    RuntimeError("Error while serializing: I/O error: No space left on device (os error 28)"),
]


@pytest.mark.parametrize("error", FULL, ids=["system", "safetensors"])
def test_a_full_disk_cancels_the_trial(
    toy_study: Build, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    from paretune.execute.plan import plan
    from paretune.methods.peft import Peft

    def save(self: object, model: object, folder: Path) -> None:
        folder.mkdir(parents=True)
        (folder / "half").write_text("x")
        raise error

    monkeypatch.setattr(Peft, "save", save)
    (trial,) = plan(toy_study(methods=["lora"]))
    record = run_trial(trial, tmp_path / "a", attempt=1, concurrent_workers=1, listener=Deaf()).record
    assert record.outcome.kind == "cancelled"
    assert not record.finished
    assert "free space, then run again" in outcome_text(record.outcome)
    assert not (tmp_path / "a").exists()


def test_other_errors_of_the_system_are_failures(tmp_path: Path) -> None:
    error = OSError(errno.EACCES, "denied")
    assert outcome_of(error, Phase.SAVE, tmp_path).kind == "failed"


def test_each_warning_is_kept_once_wherever_it_comes_from(capsys: pytest.CaptureFixture[str]) -> None:
    with collect_warnings() as found:
        for _ in range(2):
            warnings.warn("the adapter\ncannot be merged", stacklevel=1)
            logging.getLogger("peft.tuners").warning("no module matches %s", "q_prj")
            logging.getLogger("transformers.models").warning("from transformers")
            logging.getLogger("peft.tuners").info("not a warning")
    expected = ("the adapter cannot be merged", "no module matches q_prj", "from transformers")
    assert found.lines == expected
    assert capsys.readouterr().err.splitlines() == list(expected)


@pytest.fixture
def worker_without_room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, folder: Path) -> Path:
    """Let workers end as where the disk is full, as long as the file that is returned is there."""
    full = tmp_path / "full"
    full.write_text(json.dumps({"outcome": disk_full(None, folder).model_dump(mode="json")}) + "\n")
    python = tmp_path / "python"
    python.write_text(f'#!/bin/sh\n[ -f "{full}" ] && exec cat "{full}"\nexec "{sys.executable}" "$@"\n')
    python.chmod(0o755)
    launching = partial(new_interpreters, command=(str(python), "-m", "paretune.execute.worker"))
    monkeypatch.setattr("paretune.execute.run.LocalExecutor", partial(LocalExecutor, launching=launching))
    return full


def test_a_full_disk_stops_the_run_and_the_next_goes_on(
    toy_study: Build, folder: Path, worker_without_room: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    study = toy_study(methods=["base", "lora", "ia3"], recipe={"steps": 2, "batch_size": 4})
    with pytest.raises(DiskFull, match="the disk is full; free space, then run again"):
        run(study, folder)
    (record,) = Store(folder).records()
    assert (record.trial.method.label, record.outcome.kind) == ("base", "cancelled")
    assert run_and_show(study, folder, RunOptions(threads=1)) == 1
    lines = [line for line in capsys.readouterr().err.splitlines() if line.startswith("paretune: ")]
    assert len(lines) == 1
    assert "free space, then run again; 0 finished trials are kept in" in lines[0]
    worker_without_room.unlink()
    assert [one.outcome.kind for one in run(study, folder)] == ["ok", "ok", "ok"]


def test_a_full_disk_stops_a_tuned_study_before_its_next_stage(
    toy_study: Build, folder: Path, worker_without_room: Path
) -> None:
    study = toy_study(methods=["base", "lora"], seeds=[0, 1, 2], tuning={"rates": 3})
    with pytest.raises(DiskFull):
        run(study, folder)
    assert [record.trial.method.label for record in Store(folder).records()] == ["base"]


def test_a_disk_without_room_for_a_record_is_a_full_disk_too(
    toy_study: Build, folder: Path, worker_without_room: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_room(path: Path, content: bytes) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("paretune.store.folder.create_whole", no_room)
    with pytest.raises(DiskFull, match="No space left on device; free space, then run again"):
        run(toy_study(), folder)
    assert Store(folder).records() == []
