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


@pytest.mark.parametrize("limit", [[], ["--jobs", "3"]])
def test_a_plan_reaches_no_cluster(limit: list[str], study_file: Path, tmp_path: Path) -> None:
    line = ["run", str(study_file), "--out", str(tmp_path / "out"), "--plan", "--executor", "ray://127.0.0.1:1", *limit]
    found = CliRunner().invoke(app, line)
    assert found.exit_code == 0, found.exception
    most = ", at most 3" if limit else ""
    assert f"2 to run, as many at a time as the cluster has room for{most}. Records go to" in found.stdout
    assert CliRunner().invoke(app, ["run", str(study_file), "--plan", "--executor", "slurm"]).exit_code == 0
