import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image, ImageDraw

from paretune.models.toy_klein import save_toy_klein
from tests.outside import DREAMBOOTH


@pytest.fixture(scope="session")
def klein(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a FLUX.2-klein pipeline of toy sizes."""
    folder = tmp_path_factory.mktemp("klein")
    save_toy_klein(folder)
    return folder


def drawn(number: int) -> Image.Image:
    """A picture that no other number gives."""
    picture = Image.new("RGB", (96, 80), (40 * number % 256, 90, 160))
    ImageDraw.Draw(picture).ellipse((10 + 6 * number, 12, 50 + 6 * number, 60), fill=(240, 30 * number % 256, 60))
    return picture


@pytest.fixture(scope="session")
def photographs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with five photographs of a cat; with drawings where the photographs are not at hand."""
    if (DREAMBOOTH / "cat").is_dir():
        return DREAMBOOTH / "cat"
    folder = tmp_path_factory.mktemp("photographs")
    for number in range(5):
        drawn(number).save(folder / f"{number:02}.jpg")
    return folder


@pytest.fixture
def picture_bytes() -> Callable[..., bytes]:
    def encoded(number: int = 0, form: str = "PNG") -> bytes:
        sink = io.BytesIO()
        drawn(number).save(sink, form)
        return sink.getvalue()

    return encoded


MINI_OPTIONS: dict[str, Any] = {
    "validation_size": 1, "test_size": 2, "samples_per_prompt": 1,
    "drift_captions": ["a red apple on cream", "a blue cat on white"], "drift_samples_per_prompt": 1,
    "gallery_captions": ["a zib on navy"], "gallery_samples_per_prompt": 1,
}  # fmt: skip
"""Options that make the task of the shipped drawings as small as it can be."""


@pytest.fixture
def mini_options() -> dict[str, Any]:
    return dict(MINI_OPTIONS)


@pytest.fixture
def stand_in_judge(monkeypatch: pytest.MonkeyPatch) -> None:
    use_stand_in_judge(monkeypatch)


def use_stand_in_judge(monkeypatch: pytest.MonkeyPatch) -> None:
    """Compare pictures by their colours on a coarse grid, so that no judge has to be fetched."""
    import numpy as np
    import torch

    class Colours:
        def features(self, pictures: Any) -> torch.Tensor:
            rows = [np.asarray(picture.convert("RGB").resize((4, 4)), dtype=np.float32).ravel() for picture in pictures]
            return torch.nn.functional.normalize(torch.from_numpy(np.stack(rows)) - 100, dim=1)

    monkeypatch.setattr("paretune.kinds.pictures.load_image_encoder", lambda reference: Colours())
