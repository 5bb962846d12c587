from collections.abc import Callable, Iterator

import pytest
import torch

from paretune.audit.course import Attached, attach
from paretune.audit.language import language_subject
from paretune.audit.probe import Subject
from tests.audit.purpose_made import Gain


@pytest.fixture(autouse=True)
def _generators_stay() -> Iterator[None]:
    with torch.random.fork_rng(devices=[]):
        yield


@pytest.fixture(scope="session")
def subject() -> Subject:
    return language_subject()


@pytest.fixture
def attached(subject: Subject) -> Callable[..., Attached]:
    """Return a function that attaches the purpose-made method with the defects named."""
    return lambda *defects: attach(Gain(*defects), subject, 1e-2)
