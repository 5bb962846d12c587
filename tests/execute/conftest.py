from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from paretune.models import load_model
from paretune.spec import Study
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
def model(tmp_path: Path) -> Path:
    """Return the folder of a small model on disk."""
    loaded = load_model("toy:llama")
    loaded.model.save_pretrained(tmp_path / "model")
    loaded.tokenizer.save_pretrained(tmp_path / "model")
    return tmp_path / "model"


@pytest.fixture
def start(monkeypatch: pytest.MonkeyPatch) -> Callable[..., StandIn]:
    """Return a function after which a stand-in runs the trials; it takes the stand-in's options."""

    def begin(**options: Any) -> StandIn:
        ran = StandIn(**options)
        monkeypatch.setattr("paretune.execute.run.LocalExecutor", ran)
        return ran

    return begin
