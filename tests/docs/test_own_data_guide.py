"""Every form in the guide to own data is read as the guide says, and its options are there."""

import json
import re
import tomllib
from pathlib import Path

import pytest
import typer.main

from paretune.cli.app import app
from paretune.spec import InputError, TaskEntry
from paretune.tasks import get_task, task_class
from paretune.tasks.data.content import content_of
from paretune.tasks.data.forms import Chosen, find_form
from paretune.tasks.data.read import source_rows

GUIDE = (Path(__file__).parents[2] / "docs" / "guide" / "own-data.md").read_text(encoding="utf-8")
FORMS = [
    "prompt (prompt) and completion (completion)",
    "prompt (question) and completion (answer)",
    "prompt (instruction and input) and completion (output)",
    "conversations (messages)",
    "conversations (conversations)",
    "prompt (prompt) and completion (completion)",
    "text (text) and label (label)",
    "text (premise and hypothesis) and label (label)",
    "plain text (text), for language modelling",
    None,
]
"""Of the snippets, in their order; the last is refused."""


def snippets(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", GUIDE, re.DOTALL | re.MULTILINE)


def test_there_is_a_form_for_each_snippet() -> None:
    assert len(snippets("jsonl")) == len(FORMS)


@pytest.mark.parametrize(("snippet", "form"), list(zip(snippets("jsonl"), FORMS, strict=True)))
def test_a_form_is_read_as_what_it_is(snippet: str, form: str | None) -> None:
    (row,) = map(json.loads, snippet.splitlines())
    if form is None:
        with pytest.raises(InputError, match="preference pairs"):
            find_form([row], Chosen(), "my.jsonl")
        found = find_form([row], Chosen(completion="chosen"), "my.jsonl")
        assert content_of(row, found).completion == "Good morning!"
        return
    found = find_form([row], Chosen(), "my.jsonl")
    assert found.text == form
    assert content_of(row, found).completion


def test_the_table_is_read(tmp_path: Path) -> None:
    (snippet,) = snippets("csv")
    (tmp_path / "my.csv").write_text(snippet, "utf-8")
    rows = [row.value for row in source_rows(str(tmp_path / "my.csv"), lambda _: None)]
    form = find_form(rows, Chosen(), "my.csv")
    assert [tuple(content_of(row, form))[:2] for row in rows] == [
        ("What costs item 7, net?", "7,50"),
        ('Who said "no"?', "nobody"),
    ]


def test_the_study_s_task_and_all_options_exist() -> None:
    (snippet,) = snippets("toml")
    (task,) = tomllib.loads(snippet)["tasks"]
    get_task(TaskEntry.read(task, "guide").name, task["options"])
    command = typer.main.get_command(app).commands["run"]  # type: ignore[attr-defined]
    known = {name for parameter in command.params for name in parameter.opts} | {"--maximise", "--min-accuracy"}
    assert set(re.findall(r"(?<!\w)--[a-z][a-z-]+", GUIDE)) <= known
    options = task_class("own_data").default_options
    named = {"test_fraction", "validation_fraction", "max_test", "max_validation", "validation_path", "test_path"}
    assert named <= options.keys()
    assert all(f"`{name}`" in GUIDE for name in named)
