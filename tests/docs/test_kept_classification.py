"""The kept study of classification: its records can be read, it says what its README says, a second count agrees."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from benchmarks.recount import compare
from paretune.cli.app import app

STUDY = Path(__file__).parents[2] / "docs" / "examples" / "classification-minilm"


@pytest.fixture(scope="module")
def rows() -> dict[str, Any]:
    done = CliRunner().invoke(app, ["results", str(STUDY), "--json"])
    assert done.exit_code == 0, done.output
    return {row["method"]: row for row in json.loads(done.stdout)["rows"]}


def test_every_trial_ended_well_and_every_method_has_three_seeds(rows: dict[str, Any]) -> None:
    records = [json.loads(path.read_text()) for path in (STUDY / "records").iterdir()]
    assert {record["outcome"]["kind"] for record in records} == {"ok"}
    assert len({record["trial_id"] for record in records}) == len(records)
    trained = {name for name, row in rows.items() if row["learning_rate"] is not None}
    assert len(trained) == 36
    assert all(rows[name]["seeds"] == [0, 1, 2] and rows[name]["num_settings_tried"] >= 3 for name in trained)
    assert rows.keys() - trained == {"base", "tfidf"}


def test_a_second_count_agrees(rows: dict[str, Any]) -> None:
    assert compare(STUDY, list(rows.values())) == 0


def test_the_readme_s_table_holds_the_records_figures(rows: dict[str, Any]) -> None:
    lines = re.findall(r"^\| (.+) \|$", (STUDY / "README.md").read_text(encoding="utf-8"), re.MULTILINE)
    told = {cells[0].split()[0]: cells for cells in (line.split(" | ") for line in lines) if cells[0] != "method"}
    for name, row in rows.items():
        cells, (low, high) = told[name], row["intervals"]["accuracy"]
        assert ("≈" in cells[0]) == row["standing"]["tied_for_best"]
        assert ("◆" in cells[0]) == ("train_peak_bytes" in row["pareto_front_costs"])
        assert cells[2] == f"{row['metrics']['accuracy']:.1%}"
        assert cells[3] == f"{100 * low:.0f} to {100 * high:.0f}"
        assert cells[4] == f"{row['metrics']['macro_f1']:.1%}"
