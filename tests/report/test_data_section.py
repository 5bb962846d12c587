"""What became of a person's own data, as the page shows it from the study's folder."""

import json
import re
from html import unescape
from pathlib import Path

import pytest
from typer.testing import CliRunner

from paretune.cli.app import app
from paretune.cli.studies import write_study_page
from paretune.execute.run import run
from paretune.report.html.data_section import data_section
from paretune.spec import DataReport, DroppedRows, Lengths, RowsReport, ShownExample, Study
from tests.execute.stand_in import StandIn

REPORT = DataReport(
    task="own_data",
    rows=RowsReport(
        source="<my>.csv",
        form="text (text) and label (label)",
        num_read=300,
        num_kept={"train": 200, "validation": 30, "test": 58},
        split_by="the hash of the prompt",
        dropped=(DroppedRows(reason="the same as an earlier row", num_rows=12, first=("row 7", "row 9")),),
        labels={"good": 180, "<b>bad</b>": 108},
    ),
    base_model="toy:llama",
    chat_template=False,
    max_new_tokens=8,
    stop=(),
    max_length=64,
    num_references=88,
    lengths={
        "train": Lengths(num_counted=200, median=20, longest=80, num_too_long=3),
        "validation": Lengths(num_counted=30, median=20, longest=60, num_too_long=0),
        "test": Lengths(num_counted=58, median=21, longest=70, num_too_long=2),
    },
    shown=(ShownExample(place="row 1", parts=(("<s>Is this <script>?\nLabel:", False), (" good</s>", True))),),
)


def test_all_of_the_report_is_there_and_escaped() -> None:
    section = data_section([REPORT])
    assert "<script>" not in section
    cells = dict(re.findall(r'<th scope="row">(.*?)</th><td class="prose">(.*?)</td>', section))
    shown = {name: unescape(text) for name, text in cells.items()}
    assert shown["Data"] == "300 rows of <my>.csv, read as text (text) and label (label)"
    assert shown["Not used"] == "12 (row 7, row 9, ...): the same as an earlier row"
    assert shown["Labels"] == "good 180, <b>bad</b> 108"
    assert shown["Tokens, training"] == "median 20, longest 80; 3 longer than max_length = 64 are left out"
    assert "&lt;s&gt;Is this &lt;script&gt;?↵\nLabel:<mark> good&lt;/s&gt;</mark>" in section


def test_without_own_data_there_is_no_section() -> None:
    assert data_section([]) == ""


def test_the_report_is_shown_when_the_data_is_gone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("paretune.execute.run.LocalExecutor", StandIn())
    data, out = tmp_path / "sums.jsonl", tmp_path / "out"
    data.write_text("".join(json.dumps({"prompt": f"{n} + 1 =", "completion": n + 1}) + "\n" for n in range(60)))
    task = {"name": "own_data", "options": {"path": str(data)}}
    run(Study.read({"name": "x", "base_model": "toy:llama", "tasks": [task], "methods": ["base"]}, "x"), out)
    data.unlink()
    assert "Data of own_data" in write_study_page(out, None).read_text(encoding="utf-8")
    done = CliRunner().invoke(app, ["results", str(out)])
    assert done.exit_code == 0, done.exception
    assert f"Data: 60 rows of {data}, read as prompt" in done.stdout
    (report,) = json.loads(CliRunner().invoke(app, ["results", str(out), "--json"]).stdout)["data"]
    assert report["rows"]["num_read"] == 60
