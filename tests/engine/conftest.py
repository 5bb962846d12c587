from typing import Any

import pytest

from paretune.models import LoadedModel, load_model
from paretune.spec import Recipe
from paretune.tasks import Example


@pytest.fixture
def toy() -> LoadedModel:
    return load_model("toy:llama")


@pytest.fixture
def examples() -> list[Example]:
    """Return questions of many lengths."""
    return [Example(str(n), f"Add {'1 + ' * (n % 7)}{n}:", f" {n % 7 + n}.", str(n % 7 + n), "all") for n in range(40)]


@pytest.fixture
def recipe() -> Any:
    """Return a function that builds a recipe small enough for a test."""

    def build(**changes: Any) -> Recipe:
        return Recipe(**{"steps": 4, "batch_size": 4, **changes})

    return build
