"""What ends a trial, and what its worker says."""

import errno
import warnings
from collections.abc import Callable
from pathlib import Path

import pytest

from paretune.cli.studies import RunOptions, run_and_show
from paretune.execute.library_warnings import collect_warnings
from paretune.execute.outcomes import outcome_of
from paretune.execute.prepare import pending_trials, results_in
from paretune.execute.run import run
from paretune.spec import InputError, Phase, Study, Unreachable
from paretune.store import Store

pytestmark = pytest.mark.usefixtures("kept_fork_servers")

Build = Callable[..., Study]
ONE_BY_ONE = RunOptions(jobs=1, threads=1)


@pytest.fixture
def endings(tmp_path: Path) -> dict[str, object]:
    """Return data of a study whose questions end in different ways: aLoRA finds out in its worker."""
    path = tmp_path / "endings.jsonl"
    lines = (f'{{"prompt": "say {number} {chr(97 + number % 26)}", "completion": "{number}"}}' for number in range(60))
    path.write_text("\n".join(lines), encoding="utf-8")
    recipe = {"steps": 2, "batch_size": 2}
    return {"tasks": [{"name": "own_data", "options": {"path": str(path)}}], "recipe": recipe}


def test_the_log_of_a_good_trial_holds_only_what_its_record_notes(toy_study: Build, folder: Path) -> None:
    for record in run(toy_study(methods=["base", "lora"]), folder):
        log = Store(folder).log_file(record.trial_id, record.attempt).read_text(encoding="utf-8")
        assert record.outcome.kind == "ok"
        assert log.splitlines() == list(record.notes)


def test_what_a_worker_cannot_use_refuses_its_trial_alone(
    toy_study: Build, endings: dict[str, object], folder: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    study = toy_study(methods=["base", "alora"], **endings)
    assert run_and_show(study, folder, RunOptions(jobs=2, threads=1, share_devices=True)) == 1
    base, alora = Store(folder).records()
    assert (base.outcome.kind, alora.outcome.kind) == ("ok", "refused")
    assert "alora_invocation_tokens" in getattr(alora.outcome, "message", "")
    assert Store(folder).log_file(alora.trial_id, 1).read_text() == ""
    said = capfd.readouterr()
    assert any("alora: refused: " in line and "alora_invocation" in line for line in said.err.splitlines())
    assert "refused" in said.out
    assert run_and_show(study, folder, ONE_BY_ONE) == 1
    assert len(Store(folder).records()) == 2
    results = results_in(Store(folder))
    assert pending_trials([alora.trial], results) == []
    assert pending_trials([alora.trial], results, retry=True) == [alora.trial]


def test_a_study_of_which_nothing_could_run_is_wrong_use(
    toy_study: Build, endings: dict[str, object], folder: Path
) -> None:
    assert run_and_show(toy_study(methods=["alora"], **endings), folder, ONE_BY_ONE) == 2


@pytest.mark.parametrize(
    "error",
    [
        OSError(errno.ENOSPC, "No space left on device"),
        RuntimeError("Error while serializing: I/O error: No space left on device (os error 28)"),
        OSError(errno.EDQUOT, "Disk quota exceeded"),
    ],
)
def test_a_full_disk_leaves_the_trial_for_the_next_run(error: Exception, tmp_path: Path) -> None:
    outcome = outcome_of(error, Phase.SAVE, tmp_path)
    assert outcome.kind == "cancelled"
    assert "free space, then run again" in getattr(outcome, "reason", "")


def test_other_errors_keep_their_kinds(tmp_path: Path) -> None:
    assert outcome_of(InputError("no"), None, tmp_path).kind == "refused"
    assert outcome_of(Unreachable("no answer"), Phase.LOAD, tmp_path).kind == "cancelled"
    assert outcome_of(MemoryError(), Phase.TRAIN, tmp_path).kind == "out_of_memory"
    assert outcome_of(OSError(errno.EACCES, "Permission denied"), Phase.SAVE, tmp_path).kind == "failed"


def test_each_warning_is_kept_once() -> None:
    with collect_warnings() as found:
        for _ in range(2):
            warnings.warn("a pattern\n  matched nothing", UserWarning, stacklevel=1)
    assert found.lines == ("a pattern matched nothing",)
