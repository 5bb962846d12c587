from collections.abc import Callable, Iterator

import pytest
import torch

from paretune.audit.course import Attached, attach
from paretune.kinds import kind_named
from paretune.kinds.probe import Subject
from paretune.spec import CAUSAL_LM
from tests.audit.purpose_made import Gain


@pytest.fixture(autouse=True)
def _generators_stay() -> Iterator[None]:
    with torch.random.fork_rng(devices=[]):
        yield


@pytest.fixture(scope="session")
def subject() -> Subject:
    found = kind_named(CAUSAL_LM).subject(None, tied=False)
    assert found is not None
    return found


@pytest.fixture
def attached(subject: Subject) -> Callable[..., Attached]:
    """Return a function that attaches the purpose-made method with the defects named."""
    return lambda *defects: attach(Gain(*defects), subject, 1e-2)
