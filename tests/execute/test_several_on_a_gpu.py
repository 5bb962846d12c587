"""The benchmark of several trials on one GPU runs on a CPU at toy size, and says in one line what it cannot do."""

import json
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any, ClassVar

import pytest
import torch

from benchmarks.gpu import several
from benchmarks.gpu.several import Way, jobs_asked, loss_words, main, run_way, table
from paretune.execute.events import Watcher
from paretune.execute.executor import bare_record
from paretune.spec import InputError, Ok, Phase, Trial
from paretune.store import Store

pytestmark = pytest.mark.skipif(torch.cuda.is_available(), reason="runs on the CPU")

TOY = ("--model", "toy:llama", "--device", "cpu", "--steps", "2", "--batch-size", "2", "--seconds", "1e9")


def way(jobs: int | None, ended: int, seconds: float, **changes: Any) -> Way:
    """Return a way in the first round."""
    value = Way(jobs, 0, ended, ended, jobs or 4, seconds, cut_off=False, step_seconds=0.1, used_bytes=None, losses={})
    return value._replace(**changes)


def trials(number: int) -> list[Trial]:
    """Return trials of the toy that differ in their seeds."""
    words = [*TOY, "--trials", str(number), "--alone", "1"]
    return several.trials_of(several._parser().parse_args(words), Path())


def test_one_and_two_at_a_time_are_measured_at_toy_size(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "found.json"
    assert main([*TOY, "--trials", "2", "--alone", "1", "--rounds", "1", "--jobs", "2", "--out", str(out)]) == 0
    found = json.loads(out.read_text())
    assert [(one["jobs"], one["ended"], one["error"]) for one in found["ways"]] == [(1, 1, ""), (2, 2, "")]
    assert all(one["trials_per_hour"] > 0 for one in found["ways"])
    assert [sorted(one["losses"]) for one in found["ways"]] == [["0"], ["0", "1"]]
    assert [one["most_at_once"] for one in found["ways"]] == [1, 2]
    assert found["trial_bytes"] > 0
    printed = capsys.readouterr().out
    assert "| 2 | 1 | 2 of 2 |" in printed
    assert "validation losses of a trial differ by at most" in printed


def test_trials_only_train_and_take_the_validation_loss() -> None:
    found = trials(3)
    assert [trial.seed for trial in found] == [0, 1, 2]
    assert {(trial.split, trial.measures, trial.recipe.dtype) for trial in found} == {("validation", (), "bfloat16")}


class _TwoEnd:
    """An executor in which two trials end, the second after the time."""

    closed: ClassVar[list[bool]] = []

    def __init__(self, store: Store, **_: Any) -> None:
        pass

    def run(self, planned: Sequence[Trial], watcher: Watcher) -> None:
        for trial in planned[:2]:
            record = bare_record(trial, 1, Ok()).model_copy(update={"metrics": {"validation_loss": 1.5}})
            watcher.finished(trial, record, 1.0)
        watcher.heard(planned[2], Phase.TRAIN, 1, 2)
        pytest.fail("the run went on after the time was up")

    def close(self) -> None:
        self.closed.append(True)


def test_what_has_ended_when_the_time_is_up_is_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(several, "LocalExecutor", _TwoEnd)
    now = iter([0.0, 0.0, 10.0, 10.0, 20.0, 200.0])
    monkeypatch.setattr(several, "time", SimpleNamespace(monotonic=lambda: next(now)))
    found = run_way(trials(3), 3, 0, 100.0, Store(tmp_path))
    assert (found.ended, found.num_trials, found.seconds, found.cut_off) == (2, 3, 20.0, True)
    assert found.losses == {0: 1.5, 1: 1.5}
    assert found.trials_per_hour == 360.0
    assert _TwoEnd.closed == [True]


def test_ratios_are_those_of_the_same_round() -> None:
    ways = [way(1, 3, 30.0), way(None, 8, 20.0, cut_off=True, used_bytes=7 * 10**9)]
    lines = table(ways, [1, None], 2, 2 * 10**9).splitlines()
    assert lines[2] == "| 1 | 1 | 3 of 3 | 30.0 | 360.0 | 1.00 | 100.0 | - | 2.00 |"
    assert lines[3] == "| 1 | 2 | not measured | - | - | - | - | - | - |"
    assert lines[4] == "| auto | 1 | 8 of 8 (cut off) | 20.0 | 1440.0 | 4.00 | 100.0 | 7.00 | 8.00 |"


def test_losses_are_compared_trial_by_trial() -> None:
    ways = [way(1, 1, 1.0, losses={0: 1.0}), way(2, 2, 1.0, losses={0: 1.25, 1: 9.0})]
    assert loss_words(ways) == "validation losses of a trial differ by at most 0.25 between ways (1 trials)"
    assert loss_words(ways[:1]) == "validation losses: no trial ran twice"


def test_numbers_at_once_are_read_from_text() -> None:
    assert jobs_asked("auto") == [None]
    assert jobs_asked("4,2,2") == [4, 2]
    for text in ("", "0", "two", "2;3"):
        with pytest.raises(InputError, match="--jobs"):
            jobs_asked(text)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), "there is no CUDA GPU here; --model toy:llama --device cpu runs a toy on a CPU"),
        (("--trials", "0"), "--trials must be 1 or more"),
        (("--trials", "2"), "--alone 3: there are 2 trials; give no more than these"),
        (("--batch-size", "0"), "--batch-size must be 1 or more"),
        ((*TOY, "--method", "base"), '--method: "base" trains nothing'),
        ((*TOY, "--method", "lorra"), "lorra"),
    ],
)
def test_what_cannot_be_done_is_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], words: tuple[str, ...], said: str
) -> None:
    assert main([*words, "--out", str(tmp_path / "found.json")]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("several: ")
    assert said in line


def test_a_missing_folder_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--out", str(tmp_path / "none" / "found.json")]) == 2
    assert "there is no folder" in capsys.readouterr().err
