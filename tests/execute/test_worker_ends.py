"""What reaches the person from a worker: its outcome, its sentence, its warnings, and nothing else."""

import errno
import logging
import os
import warnings
from collections.abc import Callable
from pathlib import Path

import pytest

from paretune.execute.library_warnings import collect_warnings
from paretune.execute.outcomes import outcome_of
from paretune.execute.trial import run_trial
from paretune.report.wording import outcome_text
from paretune.spec import Phase, Study
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
