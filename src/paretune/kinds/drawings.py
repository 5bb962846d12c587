"""Generating images for captions: from the same noise for every method and every seed of its training."""

import hashlib
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from paretune.engine.diffusion import sample
from paretune.models.codec import Codec, TextSettings
from paretune.spec import ImageRecipe, Recipe
from paretune.store import KeptPicture
from paretune.store.pictures import Kind
from paretune.tasks.thumbnails import small_webp

if TYPE_CHECKING:
    from PIL.Image import Image


class SampleRequest(NamedTuple):
    """One drawing that is asked for."""

    kind: Kind
    place: int
    """Of the caption among those of its kind."""
    noise: int
    caption: str

    def kept(self, drawing: "Image", score: float | None = None) -> KeptPicture:
        """Return the drawing as it is kept."""
        return KeptPicture(self.kind, self.caption, self.place, self.noise, score, small_webp(drawing))


def sample_requests(kind: Kind, captions: Sequence[str], num_samples: int) -> list[SampleRequest]:
    """Return every caption with each of `num_samples` noises."""
    return [
        SampleRequest(kind, place, noise, caption)
        for place, caption in enumerate(captions)
        for noise in range(num_samples)
    ]


class Drawings:
    """Draws with models that share a codec. Captions are read once."""

    def __init__(self, codec: Codec, recipe: Recipe, captions: Sequence[str]) -> None:
        self._codec = codec
        self._image = recipe.image or ImageRecipe()
        self._batch_size = recipe.answer_batch_size
        self._num_tokens = len(codec.positions(self._image.pixels))
        different = list(dict.fromkeys(["", *captions]))
        texts = codec.read_captions(different, TextSettings(recipe.max_length, self._image.text_layers))
        self._texts = dict(zip(different, texts, strict=True))

    def draw(
        self, model: nn.Module, wanted: Sequence[SampleRequest], on_progress: Callable[[int, int], None] | None = None
    ) -> Tensor:
        """Return the tokens of the drawings, float32, shape (wanted, tokens, channels)."""
        num_channels = _num_channels(model)
        return sample(
            model,
            torch.stack([_noise(one, (self._num_tokens, num_channels)) for one in wanted]),
            torch.stack([self._texts[one.caption] for one in wanted]),
            self._texts[""].unsqueeze(0),
            self._codec,
            self._image,
            batch_size=self._batch_size,
            on_progress=on_progress,
        )

    def pictures(self, tokens: Tensor) -> list["Image"]:
        """Return drawings as pictures."""
        return [to_image(picture) for picture in self._codec.to_pictures(tokens, self._image.pixels)]

    def draw_together(self, model: nn.Module, number: int) -> None:
        """Draw so many at once, for the memory that it takes. One step needs what all need."""
        wanted = [SampleRequest("gallery", 0, noise, "") for noise in range(number)]
        noise = torch.stack([_noise(one, (self._num_tokens, _num_channels(model))) for one in wanted])
        text = self._texts[""].expand(number, -1, -1)
        recipe = self._image.model_copy(update={"sampling_steps": 1})
        sample(model, noise, text, text[:1], self._codec, recipe, batch_size=number)


def to_tensor(picture: "Image", side_pixels: int) -> Tensor:
    """Return a picture squeezed to a square, float32 (3, side, side) from -1 to 1."""
    from PIL.Image import Resampling

    square = picture.resize((side_pixels, side_pixels), Resampling.BILINEAR)
    return torch.from_numpy(np.array(square, dtype=np.float32)).permute(2, 0, 1) / 127.5 - 1


def to_image(picture: Tensor) -> "Image":
    """Return a tensor (3, height, width) from -1 to 1 as a picture."""
    from PIL import Image

    return Image.fromarray(((picture + 1) * 127.5).round().to(torch.uint8).permute(1, 2, 0).numpy())


def _noise(wanted: SampleRequest, shape: tuple[int, int]) -> Tensor:
    """Return the noise that a drawing begins with. It depends on what is drawn, on no trial."""
    digest = hashlib.sha256(f"{wanted.kind} {wanted.place} {wanted.noise}".encode()).digest()
    generator = torch.Generator().manual_seed(int.from_bytes(digest[:6], "big"))
    return torch.randn(shape, generator=generator)


def _num_channels(model: nn.Module) -> int:
    config = getattr(model, "config", None)
    number = config["in_channels"] if isinstance(config, dict) else getattr(config, "in_channels", None)
    assert isinstance(number, int), "a transformer of diffusers says how many channels it takes"
    return number
