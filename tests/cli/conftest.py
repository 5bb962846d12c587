import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

Paretune = Callable[..., "subprocess.CompletedProcess[str]"]

TOY = """
name = "toy"
base_model = "toy:llama"
methods = ["base", "lora"]
seeds = [0]
[[tasks]]
name = "word_problems"
options = { train_size = 64, validation_size = 8, test_size = 16 }
[recipe]
steps = 4
batch_size = 4
"""


@pytest.fixture(scope="session")
def paretune() -> Paretune:
    """Return a function that runs the command line as a person would."""

    def run(*arguments: str | Path, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-c", "from paretune.cli import main; main()", *map(str, arguments)]
        environment = os.environ | {"COLUMNS": "160", "HF_HUB_OFFLINE": "1"}
        return subprocess.run(
            command, capture_output=True, text=True, check=False, cwd=cwd, env=environment, timeout=300
        )

    return run


@pytest.fixture
def study_file(tmp_path: Path) -> Path:
    path = tmp_path / "toy.toml"
    path.write_text(TOY)
    return path


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory, paretune: Paretune) -> Path:
    """Return the folder of a finished study; tests read it and do not change it."""
    home = tmp_path_factory.mktemp("finished")
    (home / "toy.toml").write_text(TOY)
    done = paretune("run", home / "toy.toml", "--out", home / "results")
    assert done.returncode == 0, done.stderr
    return home / "results"
