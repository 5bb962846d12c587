from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import settings

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
