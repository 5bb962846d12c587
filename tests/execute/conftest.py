import json
import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from paretune.spec import Study
from paretune.testing import End
from tests.execute.stand_in import StandIn


@pytest.fixture
def toy_study() -> Any:
    """Return a function that builds a study which trains in seconds on a model built in memory."""

    def build(**changes: Any) -> Study:
        value: dict[str, Any] = {
            "name": "toy",
            "base_model": "toy:llama",
            "tasks": [
                {"name": "word_problems", "options": {"train_size": 64, "validation_size": 8, "test_size": 16}},
            ],
            "methods": ["base", "lora"],
            "recipe": {"steps": 4, "batch_size": 4},
        }
        return Study.read(value | changes, "toy study")

    return build


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "results"


@pytest.fixture
def start(monkeypatch: pytest.MonkeyPatch) -> Callable[..., StandIn]:
    """Return a function after which a stand-in runs the trials; it takes the stand-in's options."""

    def begin(**options: Any) -> StandIn:
        ran = StandIn(**options)
        monkeypatch.setattr("paretune.execute.run.LocalExecutor", ran)
        return ran

    return begin


@pytest.fixture
def quick_worker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., tuple[str, ...]]:
    """Return a function from how trials end, by id, to the command of a worker that trains nothing.

    Another module may be named: that of the fork server of such workers. Trials end as soon as they were told that so
    many run at once, and the file `until` is there. The command's last word names a file that says what they did.
    """
    path = [str(Path(__file__).parents[2]), *filter(None, [os.environ.get("PYTHONPATH")])]
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(path))
    file = tmp_path / "told.json"

    def command(
        ends: Mapping[str, End] | None = None,
        at_once: int = 1,
        module: str = "quick_worker",
        until: Path | None = None,
    ) -> tuple[str, ...]:
        told = {"ends": dict(ends or {}), "at_once": at_once, "until": None if until is None else str(until)}
        file.write_text(json.dumps(told))
        return sys.executable, "-m", f"tests.execute.{module}", str(file)

    return command
