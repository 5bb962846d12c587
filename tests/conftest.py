from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from pathlib import Path

import pytest
from hypothesis import settings

from paretune.execute.fork_server import KeptForkServers
from paretune.execute.launch import Launcher
from paretune.store import Store

collect_ignore = ["plugin_package"]
"""A package of its own: tests/test_plugin_package.py installs it and runs its tests."""

settings.register_profile("no deadline", deadline=None)  # the first example of a test may import a large library
settings.load_profile("no deadline")


@pytest.fixture
def gpus(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Return a function after which there are so many CUDA devices, and CUDA_VISIBLE_DEVICES as given."""
    import torch

    from paretune.models import devices

    def have(number: int, chosen: str | None = None) -> None:
        monkeypatch.setattr(devices, "default_device", lambda: torch.device("cuda" if number else "cpu"))
        monkeypatch.setattr("torch.cuda.device_count", lambda: number)
        monkeypatch.delenv(devices.CUDA_VARIABLE, raising=False)
        if chosen is not None:
            monkeypatch.setenv(devices.CUDA_VARIABLE, chosen)

    return have


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """Return the folder of a small model on disk."""
    from paretune.models import load_model

    loaded = load_model("toy:llama")
    loaded.model.save_pretrained(tmp_path / "model")
    loaded.tokenizer.save_pretrained(tmp_path / "model")
    return tmp_path / "model"


class _OneForAllTests(KeptForkServers):
    """Takes no account of the variable that differs from test to test."""

    def __call__(self, store: Store, environment: Mapping[str, str]) -> AbstractContextManager[Launcher]:
        told = {name: value for name, value in environment.items() if name != "PYTEST_CURRENT_TEST"}
        return super().__call__(store, told)

    def close(self) -> None:
        """Stay: another test follows."""

    def end(self) -> None:
        """End the servers."""
        super().close()


@pytest.fixture(scope="session")
def _kept_fork_servers() -> Iterator[KeptForkServers]:
    servers = _OneForAllTests()
    yield servers
    servers.end()


@pytest.fixture
def kept_fork_servers(_kept_fork_servers: KeptForkServers, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let studies find their workers' libraries imported. For tests that are not about processes."""
    monkeypatch.setattr("paretune.execute.local.KeptForkServers", lambda **_: _kept_fork_servers)
