"""The study that is kept with its records: they can be read, and its README says what they say."""

import base64
import gzip
import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

import paretune
from paretune.analysis.table.comparison_set import make_comparison_set
from paretune.analysis.table.evidence import load_evidence
from paretune.analysis.table.rows import rows_of
from paretune.cli.app import app
from paretune.execute.run import run
from paretune.report.format import probability
from paretune.store import Store, load_planned_records
from tests.report.page_content import page_data

STUDY = Path(__file__).parents[2] / "docs" / "examples" / "word-problems"
METHODS = {"rslora", "full", "shira", "road", "lora", "ln-tuning", "oft", "ia3"}


@pytest.fixture(scope="module")
def rows() -> dict[str, Any]:
    done = CliRunner().invoke(app, ["results", str(STUDY), "--json"])
    assert done.exit_code == 0, done.output
    return {_plain(row["method"]): row for row in json.loads(done.stdout)["rows"]}


def test_every_trial_ended_well() -> None:
    records = [json.loads(path.read_text()) for path in (STUDY / "records").iterdir()]
    assert len(records) == 2 + 8 * 7 + 8 * 3
    assert {record["outcome"]["kind"] for record in records} == {"ok"}
    assert len({record["trial_id"] for record in records}) == len(records)


def test_its_trials_are_found_again_and_none_runs(
    rows: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "word-problems"
    shutil.copytree(STUDY, folder)
    monkeypatch.setattr("paretune.execute.run.LocalExecutor", None)
    study = Store(folder).study()
    assert study is not None
    records = run(study, folder)
    assert len({record.trial.id for record in records}) == len(records) == 82
    assert {record.trial_id for record in records} == {path.stem[:-2] for path in (STUDY / "records").iterdir()}
    done = CliRunner().invoke(app, ["results", str(folder), "--json"])
    assert done.exit_code == 0, done.output
    assert {_plain(row["method"]): row for row in json.loads(done.stdout)["rows"]} == rows


def test_all_methods_are_tied_with_three_seeds_each(rows: dict[str, Any]) -> None:
    for method in METHODS:
        assert rows[_plain(method)]["seeds"] == [0, 1, 2]
        assert rows[_plain(method)]["standing"]["tied_for_best"]


def _further(shown: dict[str, Any], key: str, method: str) -> str:
    """Return what stands below the value of a column in a method's row of the page."""
    (cells,) = (one for column, one in zip(shown["columns"], shown["cells"], strict=True) if column["key"] == key)
    return str(cells["extra"][shown["label"].index(method)])


def test_page_table_and_python_show_the_same_probabilities(rows: dict[str, Any], tmp_path: Path) -> None:
    done = CliRunner().invoke(app, ["page", str(STUDY), "-o", str(tmp_path / "index.html")])
    assert done.exit_code == 0, done.output
    page = (tmp_path / "index.html").read_text(encoding="utf-8")
    shown = page_data(page)["rows"]
    marks = dict(zip(shown["label"], shown["marks"], strict=True))
    table = CliRunner().invoke(app, ["results", str(STUDY)], env={"COLUMNS": "250"}).stdout
    for cost in ("train_peak_bytes", "step_seconds", "checkpoint_bytes"):
        points = {_plain(one.name): one.probability for one in paretune.pareto(STUDY, ["accuracy", cost]).points}
        for method in METHODS:
            standing = rows[_plain(method)]["standing"]
            share = standing["probability_on_front"][cost]
            assert points[_plain(method)] == share
            if (mark := marks[method].get(cost)) is not None:
                assert mark[2:] == probability(share)
                assert cost != "train_peak_bytes" or re.search(f"^{method} ≈ .{probability(share)} ", table, re.M)
            assert f"{probability(standing['probability_best'])} to be best" in _further(shown, "rank", method)


def test_page_and_json_have_the_accuracy_of_each_seed(rows: dict[str, Any], tmp_path: Path) -> None:
    (tmp_path / "index.html").write_text("")
    CliRunner().invoke(app, ["page", str(STUDY), "-o", str(tmp_path / "index.html")])
    page = (tmp_path / "index.html").read_text(encoding="utf-8")
    shown = page_data(page)["rows"]
    details = json.loads(gzip.decompress(base64.b64decode(page_data(page)["details"])))["records"]
    records = [record for record in load_planned_records(STUDY) if not record.trial.tunes]
    for method in METHODS:
        known = {str(one.trial.seed): one.metrics["accuracy"] for one in records if one.trial.method.label == method}
        row = rows[_plain(method)]
        assert row["by_seed"] == {"accuracy": known}
        told = _further(shown, "accuracy", method)
        assert f"SD of seeds {100 * row['spreads']['accuracy']:.1f} points" in told
        detailed = details[shown["label"].index(method)]
        assert {str(one["trial"]["seed"]): one["metrics"]["accuracy"] for one in detailed} == known


def test_table_says_how_seed_variances_were_moderated(rows: dict[str, Any]) -> None:
    table = " ".join(CliRunner().invoke(app, ["results", str(STUDY)]).stdout.split())
    evidence = load_evidence(STUDY)
    compared = make_comparison_set(rows_of(evidence.records), evidence.answers)
    assert compared is not None
    trained = zip(compared.rows, compared.components, strict=True)
    (freedom,) = {one.degrees_of_freedom for row, one in trained if row.trains and one is not None}
    assert freedom == 8 * 2
    assert f"(Smyth 2004). The variance is then known as well as from about {freedom + 1:.0f} seeds; the means" in table


def test_table_and_page_say_which_differences_the_study_finds(rows: dict[str, Any]) -> None:
    (least,) = {row["standing"]["detectable_difference"] for row in rows.values()}
    table = " ".join(CliRunner().invoke(app, ["results", str(STUDY)]).stdout.split())
    assert (
        "With these 96 questions and their templates, 3 seeds a method and the correction for 45 pairs of the 10 rows, "
        f"the true difference of two trained methods must typically be larger than about {100 * least:.1f} points to "
        "be found in 4 of 5 repeats (80% power)." in table
    )
    assert "Only 96 questions" not in table


def test_the_readme_s_table_holds_the_records_figures(rows: dict[str, Any]) -> None:
    lines = re.findall(r"^\| (.+) \|$", (STUDY / "README.md").read_text(encoding="utf-8"), re.MULTILINE)
    told = {cells[0]: cells for cells in (line.split(" | ") for line in lines)}
    for method in METHODS:
        row, cells = rows[_plain(method)], told[method]
        low, high = row["intervals"]["accuracy"]
        assert float(cells[1]) == pytest.approx(row["learning_rate"], rel=0.02)
        assert cells[2] == f"{row['metrics']['accuracy']:.1%}"
        assert cells[3] == f"{100 * low:.0f} to {100 * high:.0f}"
        seen, unseen = (row["groups"][group]["accuracy"] for group in ("seen", "unseen"))
        assert cells[4] == f"{100 * seen:.0f} / {100 * unseen:.0f}%"
        assert float(cells[8]) == pytest.approx(row["metrics"]["forgetting"], abs=0.0005)


def _plain(method: str) -> str:
    return method.lower().replace(" ", "-")
