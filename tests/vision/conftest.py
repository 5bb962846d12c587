from collections.abc import Callable
from functools import cache

import pytest

from tests.vision.toys import saved


@pytest.fixture(scope="session")
def toy(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], str]:
    """Return a function that gives the reference of a toy by its name; each is written once."""
    return cache(lambda name: saved(name, tmp_path_factory.mktemp(name)))
