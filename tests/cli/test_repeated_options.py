"""An option that holds one value is refused when it is given twice; one that adds up adds up."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer.main
from typer.testing import CliRunner

from paretune.cli.app import app
from paretune.spec import InputError

STUDY = str(Path(__file__).parents[2] / "docs" / "examples" / "word-problems")

REPEATED = {
    "--task": ["run", "--methods", "base", "--task", "gsm8k", "--task", "word_problems"],
    "--steps": ["run", "--methods", "base", "--steps", "1", "--steps=2"],
    "--methods": ["run", "--methods", "base", "--methods", "lora"],
    "--max-memory": ["recommend", STUDY, "--max-memory", "24GB", "--max-memory", "12GB"],
    "--model": ["estimate", "--model", "a", "--model", "b"],
    "--gradient-checkpointing": ["estimate", "--model", "a", "--gradient-checkpointing", "--no-gradient-checkpointing"],
    "--json": ["results", STUDY, "--json", "--json"],
    "--out": ["page", STUDY, "-o", "a.html", "--output", "b.html"],
    "--quantisation": ["estimate", "--model", "a", "--quantised", "4bit", "--quantisation=8bit"],
}


@pytest.mark.parametrize(("option", "words"), REPEATED.items(), ids=REPEATED.keys())
def test_a_repeated_option_is_refused_in_one_line(option: str, words: list[str]) -> None:
    done = CliRunner().invoke(app, words)
    assert isinstance(done.exception, InputError)  # which `main` prints, with exit code 2
    assert str(done.exception) == f"{option} is given 2 times, and only one would count: give it once"
    assert done.stdout == ""


def test_options_that_add_up_still_do() -> None:
    limits = ["--limit", "checkpoint_bytes<=40MB", "--limit", "train_peak_bytes<=2GB"]
    done = CliRunner().invoke(app, ["recommend", STUDY, *limits, "--json"])
    assert done.exit_code == 0, done.output
    assert [limit["metric"] for limit in json.loads(done.stdout)["limits"]] == ["checkpoint_bytes", "train_peak_bytes"]


def test_help_wins_over_a_repeated_option() -> None:
    done = CliRunner().invoke(app, ["run", "--task", "a", "--task", "b", "--help"])
    assert done.exit_code == 0
    assert "Usage:" in done.stdout


def test_an_option_works_by_its_earlier_name_and_help_shows_todays(tmp_path: Path) -> None:
    for words in (["--output", str(tmp_path / "one.html")], [f"--output={tmp_path / 'two.html'}"]):
        done = CliRunner().invoke(app, ["page", STUDY, *words])
        assert done.exit_code == 0, done.output
    assert {path.name for path in tmp_path.iterdir()} == {"one.html", "two.html"}
    help_text = CliRunner().invoke(app, ["page", "--help"]).stdout
    assert "--out " in help_text
    assert "--output" not in help_text


def test_every_command_that_writes_somewhere_calls_it_out() -> None:
    names = {name for option in _options(typer.main.get_command(app)) for name in option.opts}
    assert "--out" in names
    assert not names & {"--output", "--output-dir", "--quantised"}
    writing = [one.opts for one in _options(typer.main.get_command(app)) if "--out" in one.opts]
    assert len(writing) == 9  # demo, run, page, plot, convert, import, publish, and export of results and of adapters
    assert all(set(opts) == {"-o", "--out"} for opts in writing)


def _options(command: Any) -> Iterator[Any]:
    for inner in getattr(command, "commands", {}).values():
        yield from _options(inner)
    yield from (one for one in command.params if one.opts[0].startswith("-"))


def test_every_option_that_adds_up_says_so_in_the_help_and_no_other_does() -> None:
    options = list(_options(typer.main.get_command(app)))
    assert {one.opts[0] for one in options if one.multiple} == {
        *(
            "--task-option",
            "--learning-rate",
            "--weight",
            "--limit",
            "--capability",
            "--check",
            "--kind",
            "--method",
            "--max-memory",
            "--set",
        ),
    }
    for one in options:
        assert one.multiple == ("May be repeated." in (one.help or "")), one.opts
