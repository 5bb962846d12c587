from pathlib import Path

import pytest


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the folder of an empty cache that the test has for itself."""
    folder = tmp_path / "cache"
    monkeypatch.setenv("PARETUNE_CACHE", str(folder))
    return folder
