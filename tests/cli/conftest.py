from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.commands import Commands, Done

Paretune = Callable[..., Done]

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
def paretune(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Paretune]:
    """Return a function that runs the command line as a person would."""
    with Commands(tmp_path_factory.mktemp("commands")) as commands:
        yield commands


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
