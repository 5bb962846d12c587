"""What `--help` shows: values by words, and the options of `run` in groups."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
import typer.main
from typer.testing import CliRunner

from paretune.cli.app import app
from paretune.cli.training_options import OWN_DATA_LENGTH
from paretune.spec import Recipe, Study


def commands(group: Any, *names: str) -> Iterator[tuple[str, ...]]:
    for name, command in group.commands.items():
        yield from commands(command, *names, name) if hasattr(command, "commands") else [(*names, name)]


@pytest.mark.parametrize("names", list(commands(typer.main.get_command(app))), ids=" ".join)
def test_no_type_of_a_programming_language_is_shown(names: tuple[str, ...]) -> None:
    done = CliRunner().invoke(app, [*names, "--help"])
    assert done.exit_code == 0
    assert not re.search(r"<[a-z]", done.stdout)


def test_run_s_defaults_are_those_of_recipe_and_study() -> None:
    text = " ".join(CliRunner().invoke(app, ["run", "--help"]).stdout.split())
    recipe, study = Recipe(), Study.read({"name": "x", "methods": ["lora"]}, "x")
    defaults = re.findall(
        r"--([\w-]+) [^()]*\(default: (\d+)", text.partition("Training and size:")[2].partition(" Options: ")[0]
    )
    assert {option: int(default) for option, default in defaults} == {
        "steps": recipe.steps,
        "batch-size": recipe.batch_size,
        "max-length": recipe.max_length,
        "seeds": study.seeds[0],
    }
    epochs, least, most = (f"{OWN_DATA_LENGTH[name]:g}" for name in ("epochs", "min_steps", "max_steps"))
    assert f"(default with --data: {epochs}, and {least} to {most} steps)" in text
    assert "Passes over the training examples, more than 0" in text
    assert "[x>=0]" not in text.partition("--epochs")[2].partition("--steps")[0]
    assert f"The base model is loaded in {recipe.dtype}; " in text
    assert recipe.quantisation is None
    for key in ("dtype", "quantisation"):
        example = re.search(rf'{key} = "(\w+)"', text)
        assert example is not None
        assert getattr(Recipe.read({key: example[1]}, "help"), key) == example[1]


def test_the_options_of_run_stand_in_groups() -> None:
    text = CliRunner().invoke(app, ["run", "--help"]).stdout
    assert re.findall(r"^(\w.*):$", text, re.MULTILINE) == [
        "Arguments",
        "Base model, task and methods",
        "Own data",
        "Training and size",
        "Options",
    ]
    assert "--steps N " in text
    assert "--budget TEXT " in text
    own = text.partition("Own data:")[2].partition("Training and size:")[0]
    assert "--no-chat-template" in own
    assert "--steps" not in own
