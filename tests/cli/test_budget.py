import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from paretune.cli.app import app
from paretune.cli.budget import budget_seconds, outlook_lines
from paretune.execute.budget import Measured
from paretune.execute.events import Watcher
from paretune.spec import METRICS, InputError, Study, Trial
from paretune.tune.budget import MethodSeconds, Size
from tests.execute.stand_in import StandIn, _Executor

OPTIONS = ["run", "--task", "word_problems", "--model", "toy:llama", "--methods", "base,lora,oft", "--plan"]


@pytest.fixture(autouse=True)
def one_second_each(monkeypatch: pytest.MonkeyPatch) -> StandIn:
    """Make every short trial take one second, none of it by step or by item."""
    stand_in = StandIn()
    monkeypatch.setattr("paretune.execute.budget.LocalExecutor", stand_in)
    return stand_in


def plan(folder: Path, *options: str) -> Any:
    return CliRunner().invoke(app, [*OPTIONS, "--out", str(folder), *options])


@pytest.mark.parametrize(
    ("text", "seconds"), [("30m", 1800), ("2h", 7200), ("1h30m", 5400), ("1.5h", 5400), ("90s", 90), ("10min", 600)]
)
def test_times_are_written_as_people_do(text: str, seconds: float) -> None:
    assert budget_seconds(text) == seconds


@pytest.mark.parametrize("text", ["30", "", "0m", "-1h", "soon", "m"])
def test_other_times_are_one_line(text: str) -> None:
    with pytest.raises(InputError, match="write a time such as 30m"):
        budget_seconds(text)


def test_the_chosen_study_is_written_and_chosen_once(tmp_path: Path, one_second_each: StandIn) -> None:
    done = plan(tmp_path, "--budget", "10h")
    assert done.exit_code == 0, done.exception
    assert "Chosen: 7 learning rates for each method, 5 seeds, 160 of 160 questions in the test." in done.stderr
    study = Study.from_toml(tmp_path / "study.toml")
    assert study.tuning is not None
    assert (study.tuning.rates, study.seeds) == (7, (0, 1, 2, 3, 4))
    assert study.description.startswith("Chosen to fit into 10h. Smallest difference in accuracy")
    assert {trial.recipe.steps for trial in one_second_each.trials} == {4}
    assert {trial.task.options["test_size"] for trial in one_second_each.trials} == {32}
    num_measured = len(one_second_each.trials)
    assert num_measured == 3
    again = plan(tmp_path, "--budget", "1m", "--json")
    assert f"Goes on with {tmp_path / 'study.toml'}." in again.stderr
    assert len(one_second_each.trials) == num_measured
    assert json.loads(again.stdout)["seeds"] == [0, 1, 2, 3, 4]
    other = plan(tmp_path, "--budget", "10h", "--steps", "7")
    assert "was chosen for other options" in str(other.exception)


def test_short_trials_run_in_one_call_until_their_time_is_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, one_second_each: StandIn
) -> None:
    calls: list[int] = []
    real = _Executor.run

    def counted(executor: _Executor, trials: Sequence[Trial], watcher: Watcher, *, alone: bool = False) -> None:
        calls.append(len(trials))
        real(executor, trials, watcher, alone=alone)

    monkeypatch.setattr(_Executor, "run", counted)
    plan(tmp_path / "whole", "--budget", "10h")
    assert (calls, len(one_second_each.trials)) == ([3], 3)
    done = plan(tmp_path / "cut", "--budget", "0.001s")
    assert (calls, len(one_second_each.trials)) == ([3, 3], 4)
    assert isinstance(done.exception, InputError)


def test_a_time_that_is_too_short_is_one_line_with_what_would_fit(tmp_path: Path) -> None:
    done = plan(tmp_path, "--budget", "0.001s")
    assert isinstance(done.exception, InputError)
    assert "one seed of each of the 3 methods takes about 1m with 50 test items" in str(done.exception)
    assert not (tmp_path / "study.toml").exists()


def test_the_methods_that_fit_are_named() -> None:
    methods = [MethodSeconds(label, label != "base", 0.0, 100.0, 1.0) for label in ("base", "lora", "oft")]
    found = Measured(
        tuple(methods),
        seconds=50.0,
        num_items=500,
        items_option="max_test",
        metric=METRICS["accuracy"],
        item_deviation=None,
    )
    assert found.size_for(400) is None
    assert found.fitting(400) == ["base", "lora"]
    assert found.size_for(500) == Size(0, 1, 50)


@pytest.mark.parametrize("other", [["--seeds", "0,1"], ["--learning-rate", "1e-4"], ["--experiments", "x"]])
def test_what_a_budget_chooses_cannot_be_given_too(other: list[str], tmp_path: Path) -> None:
    options = [one for one in OPTIONS if one not in {"--task", "word_problems", "--methods", "base,lora,oft"}]
    rest = [] if "--experiments" in other else ["--methods", "base,lora"]
    done = CliRunner().invoke(app, [*options, *rest, *other, "--budget", "1h", "--out", str(tmp_path)])
    assert isinstance(done.exception, InputError)


def test_what_a_study_can_and_cannot_show() -> None:
    tuned = outlook_lines(METRICS["accuracy"], Size(5, 3, 500), 5, None)
    assert tuned[0].endswith(
        "about 8.7 points if the standard deviation between seeds is 1.0 point, 19.0 points if it is 5.0 points."
    )
    assert tuned[1] == "It supports no claim that a method is better: a claim needs 5 seeds."
    small = outlook_lines(METRICS["accuracy"], Size(0, 1, 50), 5, None)
    assert "one seed cannot tell what another would change" in small[0]
    assert "learning rates are not tuned and a claim needs 5 seeds" in small[1]
    assert len(outlook_lines(METRICS["accuracy"], Size(5, 5, 500), 5, None)) == 1
    with_base = outlook_lines(METRICS["accuracy"], Size(5, 5, 500), 1, None)
    assert with_base == outlook_lines(METRICS["accuracy"], Size(5, 5, 500), 2, None)
    assert "not known before the first results" in outlook_lines(METRICS["similarity"], Size(5, 5, 24), 3, None)[0]
    assert "Smallest difference in similarity" in outlook_lines(METRICS["similarity"], Size(5, 5, 24), 3, 0.1)[0]
