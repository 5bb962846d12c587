"""Studies of own data, from the file to the record, on a model with a chat template."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from paretune.analysis.decisions.questions import compare
from paretune.execute.plan import plan
from paretune.execute.prepare import prepare
from paretune.execute.run import run
from paretune.models import load_model
from paretune.spec import DataReport, InputError, Study
from paretune.store import Store, load_records
from paretune.store.kept_data_reports import read_data_reports
from paretune.tasks import task_of
from tests.engine.test_answering import TEMPLATE

pytestmark = pytest.mark.usefixtures("kept_fork_servers")

Build = Callable[..., Study]
RECIPE = {"steps": 2, "batch_size": 4, "memory_steps": 1}


@pytest.fixture(scope="module")
def instruct(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Return a small model whose tokenizer has a chat template."""
    folder = tmp_path_factory.mktemp("instruct")
    loaded = load_model("toy:llama")
    loaded.tokenizer.chat_template = TEMPLATE
    loaded.model.save_pretrained(folder)
    loaded.tokenizer.save_pretrained(folder)
    return f"path:{folder}"


@pytest.fixture
def chat(tmp_path: Path) -> Path:
    path = tmp_path / "chat.jsonl"
    turns = [("user", "Say {n}"), ("assistant", "{n}"), ("user", "Again"), ("assistant", "{n}, again")]
    rows = [
        {"messages": [{"role": role, "content": text.format(n=n)} for role, text in turns]} for n in range(60)
    ]  # fmt: skip
    path.write_text("".join(f"{json.dumps(row)}\n" for row in rows), "utf-8")
    return path


def own_data(path: Path, **options: Any) -> dict[str, Any]:
    return {"tasks": [{"name": "own_data", "options": {"path": str(path), **options}}], "recipe": RECIPE}


def test_metrics_without_text_generate_nothing_and_are_compared(toy_study: Build, folder: Path, tmp_path: Path) -> None:
    path = tmp_path / "labels.csv"
    path.write_text("text,label\n" + "".join(f"It is {n},{'odd' if n % 2 else 'even'}\n" for n in range(80)), "utf-8")
    study = toy_study(methods=["base", "lora"], **own_data(path, metric="choice,perplexity", max_test=12))
    records = run(study, folder)
    assert [record.outcome.kind for record in records] == ["ok", "ok"]
    for record in records:
        assert {"choice", "perplexity", "reference_loss"} <= record.metrics.keys()
        assert {"choice", "perplexity", "reference_loss"} <= record.standard_errors.keys()
        assert "answer_peak_bytes" not in record.metrics
        assert record.metrics["answers_per_second"] > 0
        assert {item.text for item in Store(folder).items(record)} <= {"odd", "even"}
    (report,) = read_data_reports(folder)
    assert (report.max_new_tokens, report.scored_by[0]) == (None, "Choice accuracy")
    compared = compare(folder, "lora", "base")
    assert compared.metric == "choice"
    text = str(load_records(folder))
    assert "Choice accuracy" in text
    assert "Perplexity" in text


def test_a_chat_is_trained_and_answered_through_its_template(
    toy_study: Build, folder: Path, instruct: str, chat: Path
) -> None:
    study = toy_study(base_model=instruct, methods=["lora"], **own_data(chat))
    (record,) = run(study, folder)
    assert record.outcome.kind == "ok"
    assert record.trial.task.options["chat_template"] is True
    assert record.num_items == read_data_reports(folder)[0].rows.num_kept["test"]
    (report,) = read_data_reports(folder)
    assert (report.chat_template, report.stop) == (True, ())
    shown = report.shown[0]
    assert [trained for _, trained in shown.parts] == [False, True, False, True, False]
    assert shown.parts[0][0].startswith("<bos>user\nSay ")
    assert all(text.endswith("<eos>") for text, trained in shown.parts if trained)


def test_without_its_template_it_is_another_trial(toy_study: Build, folder: Path, instruct: str, chat: Path) -> None:
    plain = toy_study(base_model=instruct, methods=["base"], **own_data(chat, chat_template=False))
    templated = toy_study(base_model=instruct, methods=["base"], **own_data(chat))
    reports: list[DataReport] = []
    ids: set[str] = set()
    for study in (plain, templated):
        prepared = prepare(study, Store(folder))
        reports += prepared.data
        ids |= {trial.id for stage in prepared.stages.stages for trial in stage.trials}
    assert [report.chat_template for report in reports] == [False, True]
    assert len(ids) == 2
    assert reports[0].shown[0].parts[0][0].startswith("User: Say ")


def test_nothing_is_reported_where_nothing_runs(toy_study: Build, folder: Path, chat: Path) -> None:
    study = toy_study(methods=["base"], **own_data(chat))
    run(study, folder)
    assert prepare(study, Store(folder)).data == ()
    assert len(read_data_reports(folder)) == 1


def test_a_reference_that_cannot_be_scored_is_refused_before_anything_runs(
    toy_study: Build, folder: Path, tmp_path: Path
) -> None:
    path = tmp_path / "data.jsonl"
    rows = [{"prompt": f"Say {n}", "completion": "Größe" if n < 2 else str(n)} for n in range(60)]
    path.write_text("".join(f"{json.dumps(row)}\n" for row in rows), "utf-8")
    with pytest.raises(InputError, match=r"2 of .* references could not be scored right") as caught:
        run(toy_study(methods=["base"], **own_data(path)), folder)
    assert "row 1, row 2" in str(caught.value) or "row 2, row 1" in str(caught.value)
    assert not list(folder.glob("records/*"))


def test_rows_that_were_appended_move_no_earlier_row(toy_study: Build, folder: Path, chat: Path) -> None:
    before = prepare(toy_study(methods=["base"], **own_data(chat)), Store(folder)).data[0].rows
    chat.write_text(chat.read_text("utf-8") + chat.read_text("utf-8").replace("Say ", "Tell "), "utf-8")
    after = prepare(toy_study(methods=["base"], **own_data(chat)), Store(folder)).data[0].rows
    assert after.num_read == 2 * before.num_read
    assert all(after.num_kept[split] >= number for split, number in before.num_kept.items())


def test_a_study_takes_the_latest_version_or_the_one_it_names(toy_study: Build, tmp_path: Path) -> None:
    path = tmp_path / "data.jsonl"
    path.write_text("".join(f'{{"prompt": "Say {n}", "completion": "{n}"}}\n' for n in range(60)), "utf-8")
    (task,) = own_data(path)["tasks"]
    found = []
    for named in ({}, {"version": "1"}):
        (trial,) = plan(toy_study(methods=["base"], tasks=[{**task, **named}]))
        found.append((trial.task.version, trial.task.content_hash))
        assert task_of(trial.task).content_hash == trial.task.content_hash
    assert [version for version, _ in found] == ["2", "1"]
    assert found[0][1] != found[1][1]
    with pytest.raises(InputError, match='task "own_data": no version "3"; there is: 2, 1'):
        plan(toy_study(methods=["base"], tasks=[{**task, "version": "3"}]))


def test_plain_text_is_scored_by_perplexity_unless_another_metric_is_named(toy_study: Build, tmp_path: Path) -> None:
    path = tmp_path / "book.txt"
    path.write_text("".join(f"Line {n} of the book.\n" for n in range(60)), "utf-8")
    (silent,) = plan(toy_study(methods=["base"], **own_data(path)))
    assert [metric.name for metric in silent.task.metrics] == ["perplexity", "reference_loss"]
    (named,) = plan(toy_study(methods=["base"], **own_data(path, metric="perplexity")))
    assert silent.id == named.id
    for metric in ("exact_match", "perplexity,f1", "choice"):
        with pytest.raises(InputError, match="plain text asks for no answers; score it by perplexity") as caught:
            plan(toy_study(methods=["base"], **own_data(path, metric=metric)))
        assert "\n" not in str(caught.value)
    earlier = silent.task.model_copy(
        update={"options": {name: value for name, value in silent.task.options.items() if name != "metric"}}
    )
    assert task_of(earlier).spec().identity == earlier.identity
    assert task_of(earlier).card.main_metric.name == "accuracy"


def test_answers_are_still_scored_by_exact_match_and_no_part_of_the_identity(toy_study: Build, chat: Path) -> None:
    (trial,) = plan(toy_study(methods=["base"], **own_data(chat)))
    assert "metric" not in trial.task.options
    assert trial.task.metrics[0].name == "accuracy"
