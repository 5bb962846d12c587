"""What `paretune tasks` says of tasks and their options."""

import json

import pytest
from typer.testing import CliRunner

from paretune.cli.app import app
from paretune.spec import InputError
from paretune.tasks import task_cards, task_class


@pytest.mark.parametrize("name", [card.name for card in task_cards()])
def test_every_option_of_a_task_is_described(name: str) -> None:
    task = task_class(name)
    assert task.about_options.keys() == task.default_options.keys()
    done = CliRunner().invoke(app, ["tasks", name], env={"COLUMNS": "300"})
    assert done.exit_code == 0, done.output
    for option, meaning in task.about_options.items():
        assert any(line.startswith(option) and meaning in line for line in done.stdout.splitlines()), option


def test_a_task_made_by_rule_shows_an_example_and_what_its_parts_are() -> None:
    done = CliRunner().invoke(app, ["tasks", "word_problems"], env={"COLUMNS": "80"})
    example = task_class("word_problems")().examples("train")[0]  # type: ignore[attr-defined]
    lines = done.stdout.splitlines()
    assert any(line.startswith("Prompt       Question: ") for line in lines)
    assert f"Completion   {example.completion.strip()}" in lines
    assert f"Target       {example.target}" in lines
    assert '("unseen") are from templates' in " ".join(done.stdout.split())


def test_no_source_is_broken_inside_a_name() -> None:
    done = CliRunner().invoke(app, ["tasks", "gsm8k"], env={"COLUMNS": "80"})
    for part in task_class("gsm8k").card.source.split("; "):
        assert any(line.endswith(part) for line in done.stdout.splitlines())


def test_the_list_names_every_task_in_a_narrow_terminal() -> None:
    done = CliRunner().invoke(app, ["tasks"], env={"COLUMNS": "80"})
    assert {card.name for card in task_cards()} <= set(done.stdout.split())
    assert "paretune tasks NAME" in done.stdout


def test_json_holds_options_with_their_defaults() -> None:
    tasks = {task["name"]: task for task in json.loads(CliRunner().invoke(app, ["tasks", "--json"]).stdout)}
    assert tasks["own_data"]["options"]["test_fraction"]["default"] == 0.2
    assert tasks["own_data"] == json.loads(CliRunner().invoke(app, ["tasks", "own_data", "--json"]).stdout)


def test_an_unknown_task_is_refused_with_the_nearest_name() -> None:
    done = CliRunner().invoke(app, ["tasks", "oun_data"])
    assert isinstance(done.exception, InputError)
    assert 'did you mean "own_data"' in str(done.exception)
