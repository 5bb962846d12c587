"""What makes two trials the same: neither what a row is called nor where files lie, but the content of the files."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from paretune.cli.evaluate import evaluate_checkpoint
from paretune.cli.planning import show_plan
from paretune.execute.duration import AtOnce
from paretune.execute.plan import plan
from paretune.execute.prepare import prepare
from paretune.execute.run import run
from paretune.execute.trial import run_trial
from paretune.spec import InputError, Study, TaskEntry
from paretune.store import Store, load_planned_records, read_plan
from tests.execute.stand_in import Deaf, StandIn
from tests.models.test_content import replace_weights

pytestmark = pytest.mark.usefixtures("kept_fork_servers")

Build = Callable[..., Study]
Start = Callable[..., StandIn]
EARLIER = Path(__file__).parents[1] / "assets" / "own_data_v2"
"""A finished study of own data, kept as version 2 of the records left it."""


def labels(folder: Path) -> list[str]:
    return [record.trial.method.label for record in Store(folder).records()]


def own_data(path: Path) -> dict[str, Any]:
    return {"tasks": [{"name": "own_data", "options": {"path": str(path)}}]}


def write_rows(path: Path, first: int = 0) -> Path:
    rows = ({"prompt": f"What is {n} + 1?", "completion": str(n + 1)} for n in range(first, first + 20))
    path.write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    return path


def test_a_renamed_row_is_not_trained_again_and_has_its_new_name(toy_study: Build, folder: Path, start: Start) -> None:
    start()
    rows: list[dict[str, Any]] = [
        {"name": "lora", "label": "one"},
        {"name": "lora", "label": "two", "parameters": {"r": 4}},
    ]
    run(toy_study(methods=rows), folder)
    for names in (["three", "two"], ["two", "one"], ["one", "two"]):
        renamed = [{**row, "label": name} for row, name in zip(rows, names, strict=True)]
        ran = start()
        records = run(toy_study(methods=renamed), folder)
        assert ran.trials == []
        assert [(one.trial.method.label, one.trial.method.parameters["r"]) for one in records] == [
            (names[0], 8),
            (names[1], 4),
        ]
        assert labels(folder) == names


def test_a_renamed_row_of_a_tuned_study_keeps_its_curve(toy_study: Build, folder: Path, start: Start) -> None:
    def tuned(label: str) -> Study:
        methods = ["base", {"name": "lora", "label": label}]
        return toy_study(methods=methods, seeds=[0, 1, 2], tuning={"rates": 3, "max_widenings": 1})

    start()
    before = run(tuned("lora"), folder)
    ran = start()
    after = run(tuned("LoRA of rank 8"), folder)
    assert ran.trials == []
    assert [record.metrics for record in after] == [record.metrics for record in before]
    assert {record.trial.method.label for record in load_planned_records(folder)} == {"base", "LoRA of rank 8"}
    kept = read_plan(folder)
    assert kept is not None
    assert [search.method for search in kept.searches] == ["LoRA of rank 8"]


def test_two_rows_that_differ_in_their_labels_alone_are_refused(toy_study: Build) -> None:
    study = toy_study(methods=[{"name": "lora", "label": "first"}, {"name": "lora", "label": "second"}])
    with pytest.raises(InputError, match='methods "first" and "second" differ only in their labels') as refusal:
        plan(study)
    assert "\n" not in str(refusal.value)


def test_two_tuned_rows_that_choose_the_same_setting_share_its_trials(
    toy_study: Build, folder: Path, start: Start
) -> None:
    methods = [{"name": "lora", "label": name, "tune": {"r": ranks}} for name, ranks in (("a", [4, 8]), ("b", [8, 16]))]
    study = toy_study(methods=methods, seeds=[0, 1, 2], tuning={"rates": 3, "max_widenings": 0})
    ran = start(landscape=lambda trial: 1.0 if trial.method.parameters["r"] == 8 else 2.0)
    records = run(study, folder)
    assert len({trial.id for trial in ran.trials}) == len(ran.trials) == 3 * 3 + 3
    final = [record.trial.method.label for record in records if not record.trial.tunes]
    assert final == ["a", "b"] * 3
    kept = [record for record in load_planned_records(folder) if not record.trial.tunes]
    assert [record.trial.method.label for record in kept] == ["a"] * 3 + ["b"] * 3


def test_a_renamed_study_goes_on(toy_study: Build, folder: Path, start: Start) -> None:
    start()
    run(toy_study(methods=["base"]), folder)
    ran = start()
    assert len(run(toy_study(name="another", methods=["base", "lora"]), folder)) == 2
    assert [trial.method.label for trial in ran.trials] == ["lora"]
    kept = Store(folder).study()
    assert kept is not None
    assert kept.name == "another"


def test_own_data_is_known_by_its_content_wherever_it_lies(
    toy_study: Build, tmp_path: Path, folder: Path, start: Start
) -> None:
    data = write_rows(tmp_path / "data.jsonl")
    start()
    (before,) = run(toy_study(methods=["lora"], **own_data(data)), folder)
    moved = data.rename(tmp_path / "renamed.jsonl")
    ran = start()
    assert run(toy_study(methods=["lora"], **own_data(moved)), folder) == [before]
    assert ran.trials == []
    write_rows(moved, first=1)
    run(toy_study(methods=["lora"], **own_data(moved)), folder)
    assert len(ran.trials) == 1


def test_a_metric_is_part_of_a_trial_and_the_one_by_default_is_not(toy_study: Build, tmp_path: Path) -> None:
    data = write_rows(tmp_path / "data.jsonl")

    def trial_id(**options: Any) -> str:
        task = {"name": "own_data", "options": {"path": str(data), **options}}
        return plan(toy_study(methods=["base"], tasks=[task]))[0].id

    silent = trial_id()
    assert trial_id(metric="exact_match") == trial_id(metric=["exact_match"]) == silent
    assert trial_id(metric="f1,contains") == trial_id(metric=["f1", "contains"])
    assert len({silent, trial_id(metric="f1"), trial_id(metric="contains,f1"), trial_id(metric="f1,contains")}) == 4


def test_records_of_own_data_from_before_are_found_again(tmp_path: Path, start: Start) -> None:
    data, folder = tmp_path / "sums.jsonl", tmp_path / "results"
    shutil.copytree(EARLIER, folder)
    (folder / data.name).rename(data)
    kept = Store(folder).study()
    assert kept is not None
    ran = start()
    for path in (data, tmp_path / "elsewhere.jsonl"):
        tasks = tuple(TaskEntry.read(task, "task") for task in own_data(path)["tasks"])
        study = kept.model_copy(update={"tasks": tasks})
        if path != data:
            data.rename(path)
        records = run(study, folder)
        assert [record.outcome.kind for record in records] == ["ok", "ok"]
        assert ran.trials == []
    for record in records:
        assert {item.item_id for item in Store(folder).items(record)} <= {f"row {line}" for line in range(1, 21)}
        assert Store(folder).scores(record) is not None
    with_another_seed = run(study.model_copy(update={"seeds": (0, 1)}), folder)
    assert len(ran.trials) == 1
    assert len({record.trial.task.content_hash for record in with_another_seed}) == 1


def test_general_text_is_known_by_its_content(toy_study: Build, tmp_path: Path, folder: Path, start: Start) -> None:
    text = tmp_path / "texts.txt"
    text.write_text("One line of text.\nAnother line.\n")

    def study(path: Path) -> Study:
        return toy_study(methods=["base"], general_text={"source": str(path), "num_texts": 2})

    start()
    run(study(text), folder)
    moved = text.rename(tmp_path / "moved.txt")
    ran = start()
    run(study(moved), folder)
    assert ran.trials == []
    moved.write_text("One line of text.\nQuite another line.\n")
    with pytest.raises(InputError, match="other general text"):
        run(study(moved), folder)


class TestBaseModel:
    def test_replaced_weights_are_not_mixed_with_the_results_of_the_earlier(
        self, toy_study: Build, folder: Path, model: Path, start: Start, capsys: pytest.CaptureFixture[str]
    ) -> None:
        study = toy_study(base_model=f"path:{model}", methods=["base"])
        weights = (model / "model.safetensors").read_bytes()
        start()
        (record,) = run(study, folder)
        earlier = record.trial.base_content
        replace_weights(model)
        (now,) = plan(study)
        for refused in (
            lambda: run(study.model_copy(update={"name": "another"}), folder),
            lambda: show_plan(prepare(study, Store(folder)), folder, at_once=AtOnce(), retry=False, as_json=False),
        ):
            with pytest.raises(InputError) as refusal:
                refused()
            for words in (str(folder), str(earlier), str(now.base_content), "--out", "put the earlier one back"):
                assert words in str(refusal.value)
            assert "\n" not in str(refusal.value)
        assert Store(folder).study() == study, "a refused study is not kept"
        (model / "model.safetensors").write_bytes(weights)
        moved = model.rename(model.with_name("moved"))
        ran = start()
        run(study.model_copy(update={"base_model": f"path:{moved}"}), folder)
        assert ran.trials == []

    def test_the_plan_says_what_it_is(
        self, toy_study: Build, folder: Path, model: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        study = toy_study(base_model=f"path:{model}")
        (first, _) = plan(study)
        show_plan(prepare(study, Store(folder)), folder, at_once=AtOnce(), retry=False, as_json=False)
        assert f"Base model path:{model} is {first.base_content}." in capsys.readouterr().out
        show_plan(prepare(study, Store(folder)), folder, at_once=AtOnce(), retry=False, as_json=True)
        assert json.loads(capsys.readouterr().out)["base_content"] == first.base_content

    def test_records_that_do_not_say_it_count_as_made_with_what_is_there_and_it_is_remembered(
        self, toy_study: Build, folder: Path, model: Path, start: Start, capsys: pytest.CaptureFixture[str]
    ) -> None:
        study = toy_study(base_model=f"path:{model}", methods=["base"])
        (trial,) = plan(study)
        silent = trial.model_copy(update={"base_content": None})
        ran = start()
        with Store(folder).open_for_study(study):
            ran.run(silent, Store(folder), 1)
        ran.trials.clear()
        show_plan(prepare(study, Store(folder)), folder, at_once=AtOnce(), retry=False, as_json=False)
        assert "Earlier records here do not state it" in capsys.readouterr().out
        (record,) = run(study, folder)
        assert ran.trials == []
        assert record.trial.base_content == trial.base_content
        replace_weights(model)
        with pytest.raises(InputError, match="cannot hold these trials too"):
            run(study, folder)

    def test_a_trial_does_not_load_other_weights_than_it_was_planned_with(
        self, toy_study: Build, tmp_path: Path, model: Path
    ) -> None:
        (trial,) = plan(toy_study(base_model=f"path:{model}", methods=["base"]))
        replace_weights(model)
        record = run_trial(trial, tmp_path / "a", attempt=1, concurrent_workers=1, listener=Deaf()).record
        assert record.outcome.kind == "refused"
        assert "its files have changed" in record.outcome.message

    def test_a_checkpoint_is_not_evaluated_on_other_weights(
        self, toy_study: Build, tmp_path: Path, model: Path
    ) -> None:
        (trial,) = plan(toy_study(base_model=f"path:{model}", methods=["lora"]))
        (tmp_path / "trial.json").write_text(trial.canonical_json())
        replace_weights(model)
        with pytest.raises(InputError, match="its files have changed"):
            evaluate_checkpoint(tmp_path, None, None, None, as_json=True)
