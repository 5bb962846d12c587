"""One line from a file of one's own to a page, or to one clear line on what is missing."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from paretune.cli.app import app
from paretune.cli.tasks_at_hand import TasksAtHand
from paretune.spec import InputError, TaskSpec
from paretune.tasks import get_any_task, task_versions
from tests.cli.conftest import Paretune
from tests.records import make_record
from tests.tasks.data.ten_files import NUM_ROWS, TEN_FILES, Piece

NOT_IN_THE_TOY_S_VOCABULARY = {"utf16.csv", "latin1.csv"}


@pytest.mark.parametrize("piece", TEN_FILES, ids=lambda piece: piece.name)
def test_ten_files_are_planned_by_one_line(piece: Piece, tmp_path: Path) -> None:
    path = tmp_path / piece.name
    piece.write(path)
    line = ["run", "--data", str(path), "--model", "toy:llama", "--methods", "base,lora", "--plan", "--json"]
    done = CliRunner().invoke(app, [*line, "--out", str(tmp_path / "out")])
    if piece.name in NOT_IN_THE_TOY_S_VOCABULARY:
        assert isinstance(done.exception, InputError)
        assert "the tokenizer does not give the same text back; change these rows" in str(done.exception)
        assert "(row " in str(done.exception)
        return
    assert done.exit_code == 0, done.exception
    (report,) = json.loads(done.stdout)["data"]
    assert report["rows"]["form"] == piece.form
    assert len(report["shown"]) == 3
    judged = 0 if piece.name == "book.txt" else report["rows"]["num_read"] - report["rows"]["num_kept"]["train"]
    assert report["num_references"] == judged
    assert report["scored_by"][0] == ("Perplexity" if piece.name == "book.txt" else "Accuracy")


def test_a_folder_leads_to_a_page(paretune: Paretune, tmp_path: Path) -> None:
    (folder,) = (piece for piece in TEN_FILES if piece.name == "folder")
    folder.write(tmp_path / "folder")
    out = tmp_path / "out"
    done = paretune(
        "run", "--data", tmp_path / "folder", "--model", "toy:llama", "--methods", "base", "--out", out
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert (out / "index.html").exists()
    said = done.stderr.splitlines()
    assert f"Data: {3 * NUM_ROWS} rows of {tmp_path / 'folder'}, read as text (premise and hypothesis)" in said[0]
    assert any(line.strip().startswith("Labels: true 90, false 90") for line in said)
    assert any("label:⟦ " in line.casefold() and line.endswith("<eos>⟧") for line in said)


@pytest.mark.parametrize(
    ("header", "options", "words"),
    [
        ("a;b", [], ["the columns are: a, b", "--prompt"]),
        ("a;b", ["--prompt", "a", "--completion", "c"], ['no column "c"']),
        ("chosen;rejected", [], ["preference pairs", "--completion chosen"]),
    ],
)
def test_columns_that_say_nothing_are_one_line(
    tmp_path: Path, header: str, options: list[str], words: list[str]
) -> None:
    path = tmp_path / "data.csv"
    path.write_text(f"{header}\n" + "".join(f"q {n};r {n}\n" for n in range(60)), "utf-8")
    line = ["run", "--data", str(path), "--model", "toy:llama", "--methods", "base", "--plan"]
    done = CliRunner().invoke(app, [*line, *options])
    assert isinstance(done.exception, InputError)
    assert "\n" not in str(done.exception)
    assert all(word in str(done.exception) for word in words)


def test_columns_and_the_template_are_recorded(tmp_path: Path) -> None:
    path = tmp_path / "data.csv"
    path.write_text("a;b;who\n" + "".join(f"q {n};r {n};{n % 20}\n" for n in range(100)), "utf-8")
    line = ["run", "--data", str(path), "--model", "toy:llama", "--methods", "base", "--plan", "--json"]
    options = ["--prompt", "a", "--completion", "b", "--group", "who", "--no-chat-template"]
    done = CliRunner().invoke(app, [*line, *options])
    assert done.exit_code == 0, done.exception
    (report,) = json.loads(done.stdout)["data"]
    assert report["rows"]["form"] == "prompt (a) and completion (b)"
    assert report["rows"]["notes"] == ["semicolon between columns"]
    assert report["rows"]["split_by"] == "the hash of the group"


def test_its_options_need_data() -> None:
    done = CliRunner().invoke(app, ["run", "--methods", "base", "--prompt", "a", "--no-chat-template"])
    assert "--prompt, --no-chat-template belongs to --data" in str(done.exception)


def test_the_page_finds_the_questions_of_a_study_that_was_begun_with_an_earlier_version(tmp_path: Path) -> None:
    path = tmp_path / "data.jsonl"
    path.write_text("".join(f'{{"prompt": "{n} + 1 =", "completion": "{n + 1}"}}\n' for n in range(20)))
    for version in task_versions("own_data"):
        task = get_any_task("own_data", {"path": str(path)}, version)
        record = make_record(task=task.spec())
        prompts = TasksAtHand().prompts(record)
        assert prompts
        assert all(prompts[f"row {n}"] == f"{n - 1} + 1 =" for n in map(int, (name.split()[1] for name in prompts)))


def test_a_page_is_made_without_asking_the_hub(monkeypatch: pytest.MonkeyPatch) -> None:
    options = {"path": "hf:owner/name@main"}
    spec = TaskSpec(name="own_data", version="2", options=options, content_hash="0" * 16, locations=("path",))
    read: list[str] = []
    monkeypatch.setattr("paretune.tasks.data.collect.source_rows", lambda source, _: read.append(source))
    assert TasksAtHand().prompts(make_record(task=spec)) == {}
    assert read == []
