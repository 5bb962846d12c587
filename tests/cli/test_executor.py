"""The option --executor of run."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from paretune.cli.app import app


def refusal(*arguments: str) -> str:
    found = CliRunner().invoke(app, ["run", *arguments])
    assert found.exit_code != 0
    return str(found.exception)


def test_the_study_is_read_before_a_cluster_is_reached(tmp_path: Path) -> None:
    study = tmp_path / "study.toml"
    study.write_text('name = "x"\nmethods = ["lora"]\nsteps = 3\n')
    assert "steps" in refusal(str(study), "--executor", "ray://127.0.0.1:1")


@pytest.mark.parametrize("option", ["--share-devices", "--pack=auto", "--budget=1h"])
def test_what_is_for_one_machine_is_refused_with_a_cluster(option: str) -> None:
    assert refusal("--executor", "ray", option).startswith(f"{option.partition('=')[0]} is for trials on this machine")
