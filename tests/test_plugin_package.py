"""A method, tasks and a kind of model from another package are installed and run; no file here knows of them."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from paretune.store import Store, load_records, query
from tests.commands import Commands
from tests.report.page_content import page_data

PACKAGE = Path(__file__).parent / "plugin_package"
Paretune = Callable[..., str]
"""Runs a command that is to succeed, and returns what it prints."""


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Install the package into a folder of its own, and return an environment that sees it beside ours."""
    target = tmp_path_factory.mktemp("installed")
    source = tmp_path_factory.mktemp("source") / "package"
    _copy(PACKAGE, source)
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index", "--no-build-isolation"]
    _run([*pip, "--disable-pip-version-check", "--target", str(target), str(source)], dict(os.environ))
    path = os.pathsep.join([str(target), *(entry for entry in sys.path if entry)])
    return {**os.environ, "PYTHONPATH": path}


@pytest.fixture(scope="module")
def paretune(environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Paretune]:
    """Return a function that runs the command line where the package is installed."""
    with Commands(tmp_path_factory.mktemp("commands"), {"PYTHONPATH": environment["PYTHONPATH"]}) as commands:
        yield _succeeding(commands)


def test_it_keeps_the_contract(environment: dict[str, str]) -> None:
    said = _run([sys.executable, "-m", "pytest", "-p", "no:cacheprovider", str(PACKAGE / "tests")], environment)
    assert "57 passed" in said


def test_it_is_listed_with_its_own_words(paretune: Paretune) -> None:
    cards = json.loads(paretune("methods", "--json"))
    (card,) = (card for card in cards if card["name"] == "block-gains")
    assert card["family"] == "vectors"
    assert card["prior_learning_rate"] == 0.02


def test_it_runs_in_a_study_beside_lora(paretune: Paretune, tmp_path: Path) -> None:
    data = tmp_path / "sums.jsonl"
    rows = [{"prompt": f"{n} + 1 =", "completion": f" {n + 1}"} for n in range(24)]
    data.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    study = tmp_path / "study.toml"
    study.write_text(
        'name = "beside-lora"\nbase_model = "toy:llama"\nmethods = ["lora", "block-gains"]\n'
        f'[[tasks]]\nname = "own_data"\noptions = {{ path = "{data}", max_new_tokens = 3 }}\n'
        "[recipe]\nsteps = 3\nbatch_size = 4\n",
        encoding="utf-8",
    )
    out = tmp_path / "results"
    paretune("run", str(study), "--out", str(out), "--jobs", "2", "--share-devices")
    records = {record.trial.method.label: record for record in load_records(out)}
    assert records.keys() == {"lora", "block-gains"}
    assert records["block-gains"].outcome.kind == "ok"
    assert records["block-gains"].metrics["trainable_parameters"] == 2 * 2 * 64
    marks = records["block-gains"].audit
    assert marks is not None
    assert marks.audit is not None, "its package comes with its audit"
    assert not marks.answered_alone
    assert marks.warnings == {}


def test_its_metric_scores_any_data_by_its_name(paretune: Paretune, tmp_path: Path) -> None:
    data = tmp_path / "sums.csv"
    data.write_text("question,answer\n" + "".join(f"{n} + 1 =,{n + 1}\n" for n in range(40)), encoding="utf-8")
    line = ["run", "--data", str(data), "--methods", "base", "--model", "toy:llama", "--metric", "edit_distance,f1"]
    plan = json.loads(paretune(*line, "--plan", "--json"))
    assert plan["data"][0]["scored_by"] == ["Edit distance", "F1"]


@pytest.fixture(scope="module")
def spelt(paretune: Paretune, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of a study on the package's task, whose main metric is a distance."""
    folder = tmp_path_factory.mktemp("spelt")
    study = folder / "study.toml"
    study.write_text(
        'name = "spelt"\nbase_model = "toy:llama"\nmethods = ["base", "lora", "block-gains"]\n'
        '[[tasks]]\nname = "backwards"\noptions = { train = 16, validation = 4, test = 12 }\n'
        "[recipe]\nsteps = 12\nbatch_size = 8\n",
        encoding="utf-8",
    )
    paretune("run", str(study), "--out", str(folder / "results"), "--jobs", "2", "--share-devices")
    return folder / "results"


def test_a_task_with_a_metric_of_its_own_is_described(paretune: Paretune) -> None:
    assert "edit_distance" in paretune("tasks")
    said = json.loads(paretune("tasks", "backwards", "--json"))
    assert said["main_metric"] == "edit_distance"
    assert [metric["direction"] for metric in said["metrics"]] == ["lower", "higher", "higher"]


def test_its_records_explain_themselves_without_the_package(spelt: Path) -> None:
    for record in load_records(spelt):
        assert record.outcome.kind == "ok", record.outcome
        main = record.main_metric
        assert (main.name, main.lower_is_better, main.items) == ("edit_distance", True, "words")
        items = Store(spelt).items(record)
        assert len(items) == 12
        for name in ("edit_distance", "letters_f1", "accuracy"):
            assert record.metrics[name] == pytest.approx(sum(item.scores[name] for item in items) / 12)
    (shortest,) = query(spelt, "SELECT min(edit_distance) AS value FROM records")
    (again,) = query(
        spelt,
        "SELECT min(mean) AS value FROM (SELECT avg(scores['edit_distance']) AS mean FROM items GROUP BY trial_id)",
    )
    assert shortest["value"] == pytest.approx(again["value"])


def test_table_page_comparison_and_recommendation_go_by_its_metric(
    environment: dict[str, str], spelt: Path, tmp_path: Path
) -> None:
    path = os.pathsep.join(environment["PYTHONPATH"].split(os.pathsep)[1:])  # without the package: it is not needed
    with Commands(tmp_path, {"PYTHONPATH": path, "COLUMNS": "200"}) as commands:
        paretune = _succeeding(commands)
        rows = json.loads(paretune("results", str(spelt), "--json"))["rows"]
        distances = {row["method"]: row["metrics"]["edit_distance"] for row in rows}
        order = sorted(distances, key=lambda name: distances[name])
        assert len(set(distances.values())) == 3
        assert [row["method"] for row in sorted(rows, key=lambda row: row["standing"]["place"])] == order
        table = paretune("results", str(spelt))
        assert "Edit distance" in table
        assert "F1 of letters" in table
        assert [line.split()[0] for line in table.splitlines()[3:6]] == order
        paretune("page", str(spelt), "-o", str(tmp_path / "page.html"))
        page = (tmp_path / "page.html").read_text(encoding="utf-8")
        assert "Edit distance against cost" in page
        assert "Letters to insert, delete or replace before the answer is right" in page
        metrics = {metric["name"]: metric for metric in page_data(page)["metrics"]}
        assert (metrics["edit_distance"]["label"], metrics["edit_distance"]["lower"]) == ("Edit distance", True)
        found = json.loads(paretune("compare", str(spelt), order[0], order[-1], "--json"))
        assert found["metric"] == "edit_distance"
        assert found["difference"] < 0
        assert " lower edit distance" in found["sentence"]
        assert found["test"] == "t test, paired by word"
        limit = f"edit_distance<={distances[order[1]]}"
        said = paretune("recommend", str(spelt), "--limit", limit)
        assert said.startswith("backwards, test split: lowest edit distance, with edit distance at most ")
        assert f"1. {order[0]}: edit distance " in said
        assert f"Ruled out: {order[-1]}: edit distance " in said


def test_a_checkpoint_is_evaluated_by_its_metric(paretune: Paretune, spelt: Path) -> None:
    (record,) = (one for one in load_records(spelt) if one.trial.method.label == "lora")
    folder = Store(spelt).adapter_folder(record.trial_id, record.attempt)
    said = paretune("evaluate", str(folder))
    assert "on backwards, 12 words" in said
    assert "edit distance " in said
    assert "(95% interval " in said


def test_a_kind_of_model_and_a_task_for_it_run_a_study_to_table_and_page(paretune: Paretune, tmp_path: Path) -> None:
    study, out = tmp_path / "study.toml", tmp_path / "results"
    study.write_text(
        'name = "digits"\nbase_model = "toy:llama"\nmethods = ["base", "lora", "full"]\ntasks = ["digits"]\n'
        'learning_rates = [1e-2]\n[recipe]\nsteps = 12\nbatch_size = 8\nschedule = "constant"\n',
        encoding="utf-8",
    )
    paretune("run", str(study), "--out", str(out), "--jobs", "2")
    records = {record.trial.method.label: record for record in load_records(out)}
    assert [record.outcome.kind for record in records.values()] == ["ok", "ok", "ok"]
    assert {record.trial.model_kind for record in records.values()} == {"tagger"}
    assert records["full"].num_items == 12
    assert records["full"].metrics["accuracy"] == 1.0
    assert records["base"].metrics["accuracy"] < 0.5
    table = paretune("results", str(out))
    assert "lora" in table
    assert "Accuracy" in table
    page = tmp_path / "page.html"
    paretune("page", str(out), "-o", str(page))
    assert "digits" in page.read_text(encoding="utf-8")


def test_its_audit_is_recorded_in_its_own_package(environment: dict[str, str], tmp_path: Path) -> None:
    installed = Path(environment["PYTHONPATH"].split(os.pathsep)[0])
    copy = tmp_path / "installed"
    shutil.copytree(installed, copy)
    (copy / "paretune_block_gains" / "recorded_audit.json").unlink()
    path = os.pathsep.join([str(copy), *environment["PYTHONPATH"].split(os.pathsep)[1:]])
    here = {**environment, "PYTHONPATH": path}
    capabilities = [
        sys.executable,
        "-c",
        "from paretune.methods import resolve; from paretune.methods.capabilities import capabilities_of; "
        "from paretune.spec import MethodEntry; "
        "print(capabilities_of(resolve(MethodEntry(name='block-gains'))).batch_invariant)",
    ]
    assert _run(capabilities, here) == "None\n"
    with Commands(tmp_path, {"PYTHONPATH": path}) as commands:
        _succeeding(commands)("audit", "block-gains", "--record", "--jobs", "1")
    assert _run(capabilities, here) == "True\n"
    value = json.loads((copy / "paretune_block_gains" / "recorded_audit.json").read_text(encoding="utf-8"))
    assert [one["method"]["name"] for one in value["methods"]] == ["block-gains"]


def _succeeding(commands: Commands) -> Paretune:
    def run(*words: str) -> str:
        done = commands(*words)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    return run


def _run(command: list[str], environment: dict[str, str]) -> str:
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def _copy(source: Path, target: Path) -> None:
    """Copy a package, so that building it leaves nothing beside its source."""
    shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__", "build", "*.egg-info"))
