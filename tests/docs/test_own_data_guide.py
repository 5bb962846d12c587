"""Every form in the guide to own data is read as the guide says, and its options are there."""

import json
import re
import shlex
import tomllib
from pathlib import Path

import pytest
import typer.main
from typer.testing import CliRunner

from paretune.cli.app import app
from paretune.spec import InputError, TaskEntry
from paretune.tasks import Example, get_task, task_class
from paretune.tasks.data.collect import form_of
from paretune.tasks.data.content import content_of
from paretune.tasks.data.forms import Chosen, find_form, flat
from paretune.tasks.data.read import source_rows
from paretune.tasks.data.wanted import Wanted
from paretune.tasks.metrics import TextMetric, chosen_metrics
from paretune.tasks.metrics.registry import OWN

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
    "question (question), answers to choose from (choices) and the right one (answer, a letter or an index from 0)",
    "question (question), answers to choose from (options) and the right one (answer, a letter or an index from 0)",
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
    wanted = Wanted(sources=(("my.jsonl", None),))
    if form is None:
        with pytest.raises(InputError, match="preference pairs"):
            form_of([row], wanted)
        found = find_form([row], Chosen(completion="chosen"), "my.jsonl")
        assert content_of(flat(row), found).completion == "Good morning!"
        return
    found = form_of([row], wanted)
    assert found.text == form
    assert content_of(flat(row), found).completion


def test_rows_with_images_are_read_as_what_they_are() -> None:
    rows = [json.loads(line) for snippet in snippets("jsonl images") for line in snippet.splitlines()]
    wanted = Wanted(sources=(("my.jsonl", None),), image="image")
    assert [form_of([row], wanted).text.removeprefix("image (image), ").split(" (")[0] for row in rows] == [
        "prompt",
        "conversations",
        "conversations",
        "question",
        "prompt",
        "text",
    ]


def test_the_table_is_read(tmp_path: Path) -> None:
    (snippet,) = snippets("csv")
    (tmp_path / "my.csv").write_text(snippet, "utf-8")
    rows = [row.value for row in source_rows(str(tmp_path / "my.csv"), lambda _: None)]
    form = find_form(rows, Chosen(), "my.csv")
    assert [tuple(content_of(flat(row), form))[:2] for row in rows] == [
        ("What costs item 7, net?", "7,50"),
        ('Who said "no"?', "nobody"),
    ]


def test_answers_get_what_the_guide_says() -> None:
    examples = [json.loads(line) for snippet in snippets("jsonl metrics") for line in snippet.splitlines()]
    assert len(examples) > 5
    for one in examples:
        if one["metric"] in {"rouge_l", "chrf"}:
            pytest.importorskip({"rouge_l": "rouge_score", "chrf": "sacrebleu"}[one["metric"]])
        (metric,) = chosen_metrics([one["metric"]], "guide")
        assert isinstance(metric, TextMetric)
        target = one["reference"]
        found = metric.score(one["answer"], Example("q", "p", target, target, "all"))
        assert found[metric.metrics[0].name] == pytest.approx(one["value"]), one


def test_every_metric_is_in_the_guide_with_its_values() -> None:
    rows = dict(re.findall(r"^\| `(\w+)[^|]*?` \|.*\| ([^|]*) \|$", GUIDE, re.MULTILINE))
    declared = {name: [metric.name for metric in of.metrics] for name, of in OWN.items()}
    assert {name: re.findall(r"`(\w+)`", rows[name]) for name in declared} == declared


@pytest.mark.parametrize("line", re.findall(r"^paretune run .*--metric.*$", GUIDE, re.MULTILINE))
def test_each_line_with_a_metric_is_planned(line: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if "rouge_l" in line:
        pytest.importorskip("rouge_score")
        pytest.importorskip("sacrebleu")
    monkeypatch.chdir(tmp_path)
    answers = {
        "fields.jsonl": '{{"question": "q {n}", "answer": "{{\\"a\\": {n}}}"}}\n',
        "reasoned.jsonl": '{{"question": "q {n}", "answer": "so the answer is {n}"}}\n',
        "book.txt": "Line {n} of the book.\n",
        "reviews.csv": "text {n},good\n",
    }
    _, _, _, name, *rest = shlex.split(line)
    head = {"reviews.csv": "text,label\n"}.get(name, "" if name in answers else "question,answer\n")
    row = answers.get(name, "q {n},some words {n}\n")
    rows = [row.format(n=n).replace("good", "bad" if n % 2 else "good") for n in range(60)]
    Path(name).write_text(head + "".join(rows), "utf-8")
    done = CliRunner().invoke(app, ["run", "--data", name, *rest, "--model", "toy:llama", "--plan", "--json"])
    assert done.exit_code == 0, done.exception
    (report,) = json.loads(done.stdout)["data"]
    assert report["scored_by"]
    assert (report["max_new_tokens"] is None) == (name in {"reviews.csv", "book.txt"})


def test_the_study_s_task_and_all_options_exist() -> None:
    (snippet,) = snippets("toml")
    (task,) = tomllib.loads(snippet)["tasks"]
    get_task(TaskEntry.read(task, "guide").name, task["options"])
    command = typer.main.get_command(app).commands["run"]  # type: ignore[attr-defined]
    known = {name for parameter in command.params for name in parameter.opts} | {"--limit"}
    assert set(re.findall(r"(?<!\w)--[a-z][a-z-]+", GUIDE)) <= known
    options = task_class("own_data").default_options
    named = {"test_fraction", "validation_fraction", "max_test", "max_validation", "validation_path", "test_path"}
    assert named <= options.keys()
    assert all(f"`{name}`" in GUIDE for name in named)


def test_the_commands_for_labels_lead_to_the_heads_that_the_guide_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    reviews = [
        {"text": f"review {n}", "stars": n % 5 + 1, "topics": "|".join("abc"[: n % 4]) or "d", "label": "ab"[n % 2]}
        for n in range(90)
    ]
    pairs = [{"premise": f"p {n}", "hypothesis": f"h {n}", "entailed": n % 3} for n in range(90)]
    for name, rows in (("reviews", reviews), ("pairs", pairs)):
        lines = [",".join(rows[0]), *(",".join(map(str, row.values())) for row in rows)]
        (tmp_path / f"{name}.csv").write_text("\n".join(lines) + "\n", "utf-8")
    section = GUIDE.partition("## Labels and a head")[2]
    commands = [line for line in section.splitlines() if line.startswith("paretune run") and "toy:" in line]
    problems = []
    for command in commands:
        done = CliRunner().invoke(app, [*shlex.split(command)[1:], "--plan", "--json"])
        assert done.exit_code == 0, (command, done.exception)
        (report,) = json.loads(done.stdout)["data"]
        problems.append(report["rows"]["labelled"]["problem"])
    assert problems == ["regression", "several_labels", "single_label", "single_label"]
