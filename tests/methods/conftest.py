from typing import Any

import pytest

from paretune.models import LoadedModel, load_model


@pytest.fixture
def toy() -> LoadedModel:
    return load_model("toy:llama")


@pytest.fixture(scope="session")
def toy_modules() -> Any:
    from paretune.kinds import module_names

    return module_names("toy:llama")
