"""A study that tunes, for real, on a model built in memory: rounds, final trials, stopped and resumed anywhere."""

import contextlib
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from paretune.analysis import load_evidence
from paretune.execute.prepare import results_in
from paretune.execute.run import run
from paretune.execute.stages import Blueprint
from paretune.spec import Study, Trial
from paretune.store import Store, load_planned_records, load_records, read_plan
from tests.execute.processes import left_over
from tests.execute.stand_in import StandIn
from tests.tune.landscapes import bowl

pytestmark = pytest.mark.usefixtures("kept_fork_servers")

Build = Callable[..., Study]
Start = Callable[..., StandIn]


@pytest.fixture
def tuned(toy_study: Build) -> Build:
    """Return a function that builds a small study which tunes."""

    def build(**changes: Any) -> Study:
        value = {
            "methods": ["base", "lora", "ia3"],
            "seeds": [0, 1, 2],
            "tuning": {"rates": 3, "max_widenings": 1},
            "recipe": {"steps": 3, "batch_size": 4},
        }
        return toy_study(**(value | changes))

    return build


def files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in (folder / "records").glob("*.json")}


def test_tuning_comes_first_and_final_trials_alone_and_last(tuned: Build, folder: Path, start: Start) -> None:
    ran = start()
    records = run(tuned(), folder, jobs=4)
    kinds = [("base", False), *[(name, True) for name in ("lora", "ia3") for _ in range(3)]]
    kinds += [("lora", True), ("ia3", True)]  # the loss still falls at the highest rate, so both get one rate more
    kinds += [(name, False) for _ in range(3) for name in ("lora", "ia3")]
    assert [(trial.method.label, trial.tunes) for trial in ran.trials] == kinds
    assert ran.jobs == [1] + [4] * 8 + [1] * 6
    assert [trial.seed for trial in ran.trials if not trial.tunes] == [0, 0, 0, 1, 1, 2, 2]
    assert [record.trial for record in records] == ran.trials
    again = start()
    assert run(tuned(), folder) == records
    assert again.trials == []


def test_a_tuning_trial_trains_just_as_the_final_one_and_measures_less(
    tuned: Build, folder: Path, start: Start
) -> None:
    start(real=lambda trial: trial.tunes or trial.seed == 0)
    records = run(tuned(methods=["lora"], tuning={"rates": 3, "max_widenings": 0}), folder)
    tried, (final, *_) = records[:3], records[3:]
    for record in tried:
        assert record.num_items is None
        assert set(record.metrics) >= {"validation_loss", "step_seconds", "train_loss"}
        assert not set(record.metrics) & {"accuracy", "forgetting", "train_peak_bytes", "checkpoint_bytes"}
        assert not Store(folder).adapter_folder(record.trial_id, 1).exists()
    assert {"accuracy", "forgetting", "answer_peak_bytes", "train_peak_bytes"} <= set(final.metrics)
    assert final.num_items == 16
    best = min(tried, key=lambda record: record.metrics["validation_loss"])
    assert best.trial.learning_rate == final.trial.learning_rate
    assert best.train_losses == final.train_losses
    assert best.metrics["validation_loss"] == final.metrics["validation_loss"]


def test_stopped_anywhere_it_goes_on_and_repeats_nothing(tuned: Build, tmp_path: Path, start: Start) -> None:
    whole = start()
    run(tuned(), tmp_path / "whole")
    folder = tmp_path / "stopped"
    seen: list[Trial] = []
    for _ in whole.trials:
        ran = start(stop_after=1)
        with contextlib.suppress(KeyboardInterrupt):
            run(tuned(), folder)
        seen += ran.trials
    assert seen == whole.trials
    assert read_plan(folder) == read_plan(tmp_path / "whole")
    assert {record.attempt for record in load_records(folder)} == {1}


def test_killed_outright_in_the_middle_it_goes_on_and_repeats_nothing(
    tuned: Build, folder: Path, tmp_path: Path, start: Start
) -> None:
    study = tuned(methods=["lora"], tuning={"rates": 3, "max_widenings": 0}, recipe={"steps": 40, "batch_size": 4})
    script = tmp_path / "go.py"
    script.write_text(
        "from paretune.spec import Study\nfrom paretune.execute.run import run\n"
        f"run(Study.model_validate_json({study.model_dump_json()!r}), {str(folder)!r})\n"
    )
    process = subprocess.Popen([sys.executable, str(script)])
    deadline = time.monotonic() + 1800
    while len(files(folder)) < 1 and time.monotonic() < deadline:
        time.sleep(0.05)
    process.kill()
    process.wait()
    before = files(folder)
    assert 1 <= len(before) < 6
    assert not any(record.trial.split == "test" for record in load_records(folder))
    assert left_over(folder) == "", "the worker, whose standard input has closed, ends by itself"
    ran = start()
    run(study, folder)
    after = files(folder)
    assert {name: after[name] for name in before} == before
    assert len(ran.trials) + len(before) == len(after) == 6
    assert all(name.endswith("-1.json") for name in after)


def test_where_every_rate_diverges_the_others_go_on(tuned: Build, folder: Path, start: Start) -> None:
    ran = start(landscape=bowl({"lora": 1e-9, "ia3": 1.0}))
    records = run(tuned(methods=["lora", "ia3"]), folder)
    lora = [record for record in records if record.trial.method.label == "lora"]
    assert {record.outcome.kind for record in lora} == {"diverged"}
    assert all(record.trial.tunes for record in lora)
    budget = Counter(trial.method.label for trial in ran.trials if trial.tunes)
    assert budget == {"lora": 5, "ia3": 5}, "one asked for lower rates and one for higher ones: both got both"
    assert [trial.method.label for trial in ran.trials if not trial.tunes] == ["ia3"] * 3


def test_a_tuning_trial_that_was_stopped_waits_for_the_next_run(tuned: Build, folder: Path, start: Start) -> None:
    study = tuned(methods=["lora"], tuning={"rates": 3, "max_widenings": 0})
    ran = start(landscape=lambda trial: "cancelled" if trial.learning_rate == 2e-3 else 1.0)
    records = run(study, folder)
    assert [record.outcome.kind for record in records] == ["ok", "cancelled", "ok"]
    assert len(ran.trials) == 3
    ran = start()
    records = run(study, folder)
    assert len(ran.trials) == 4
    assert (ran.trials[0].learning_rate, ran.trials[0].tunes) == (2e-3, True)
    assert all(record.outcome.kind == "ok" for record in records)


def test_with_retry_a_failed_rate_is_tried_again_before_the_choice_stands(
    tuned: Build, folder: Path, start: Start
) -> None:
    study = tuned(methods=["lora"], tuning={"rates": 3, "max_widenings": 0})
    start(landscape=lambda trial: "failed" if trial.learning_rate == 3.56e-3 else 1 - (trial.learning_rate or 0))
    assert {record.trial.learning_rate for record in run(study, folder) if not record.trial.tunes} == {2e-3}
    ran = start(landscape=lambda trial: 1 - (trial.learning_rate or 0))
    assert {record.trial.learning_rate for record in run(study, folder, retry=True) if not record.trial.tunes} == {
        3.56e-3
    }
    assert [trial.tunes for trial in ran.trials] == [True, False, False, False]


def test_choice_by_accuracy_asks_validation_questions_only(tuned: Build, folder: Path, start: Start) -> None:
    start(real=lambda trial: trial.tunes)
    study = tuned(methods=["lora"], tuning={"rates": 3, "max_widenings": 0, "choose_by": "accuracy"})
    records = run(study, folder)
    tuning = [record for record in records if record.trial.tunes]
    assert [record.num_items for record in tuning] == [8, 8, 8]
    assert all(item.item_id.startswith("validation") for item in Store(folder).items(tuning[0]))
    assert "forgetting" not in tuning[0].metrics
    assert "answer_peak_bytes" not in tuning[0].metrics


def test_a_tuned_rank_reaches_the_final_trials(tuned: Build, folder: Path, start: Start) -> None:
    start(real=lambda trial: trial.tunes)
    methods = [{"name": "lora", "tune": {"r": [2, 4]}}]
    study = tuned(methods=methods, tuning={"sampler": "tpe", "trials": 4, "ask_at_once": 2, "max_widenings": 0})
    records = run(study, folder)
    tuning = [record for record in records if record.trial.tunes]
    final = [record for record in records if not record.trial.tunes]
    assert (len(tuning), len(final)) == (4, 3)
    best = min(tuning, key=lambda record: record.metrics["validation_loss"])
    for record in final:
        assert record.trial.method == best.trial.method
        assert record.trial.learning_rate == best.trial.learning_rate


def test_a_shorter_recipe_for_tuning_is_left_behind_in_the_final_trials(tuned: Build) -> None:
    study = tuned(methods=["lora"], tuning={"rates": 3, "recipe": {"steps": 1}})
    rounds, final = Blueprint(study).stages({}).stages
    assert {trial.recipe.steps for trial in rounds.trials} == {1}
    assert {trial.recipe.steps for trial in final.trials} == {3}


def test_final_trials_of_an_earlier_choice_are_no_results(tuned: Build, folder: Path, start: Start) -> None:
    start()
    narrow = tuned(methods=["lora"], tuning={"rates": 3, "max_widenings": 0})
    first = {record.trial_id for record in run(narrow, folder) if not record.trial.tunes}
    wide = tuned(methods=["lora"], tuning={"rates": 3, "max_widenings": 1})
    final = {record.trial_id for record in run(wide, folder) if not record.trial.tunes}
    assert not first & final
    assert {record.trial_id for record in load_planned_records(folder) if not record.trial.tunes} == final
    assert {record.trial_id for record in load_evidence(folder).records if not record.trial.tunes} == final
    assert first < {record.trial_id for record in load_records(folder)}


def test_the_plan_does_not_change_the_trials_of_a_fixed_study(toy_study: Build, folder: Path, start: Start) -> None:
    ran = start()
    run(toy_study(methods=["base", "ia3"]), folder, jobs=2)
    assert ran.jobs == [2, 2]
    assert not (folder / "plan.json").exists()
    assert {trial.id for trial in ran.trials} == set(results_in(Store(folder)))


def test_another_executor_runs_all_stages(tuned: Build, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("paretune.execute.run.LocalExecutor", None)
    elsewhere = StandIn()
    records = run(tuned(), folder, executor=elsewhere)
    assert [record.trial for record in records] == elsewhere.trials
    assert {record.outcome.kind for record in records} == {"ok"}
