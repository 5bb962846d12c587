from pathlib import Path
from typing import Any

import pytest

from paretune.spec import Study


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
