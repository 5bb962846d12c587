"""The small image model's codec: pixels in patches, captions as hashed words."""

from collections.abc import Sequence
from typing import ClassVar

import torch
from torch import Tensor

from paretune.models.codec import Codec, Prediction, TextSettings, token_positions
from paretune.models.pixels import PATCH_PIXELS, to_patches, to_pictures
from paretune.models.word_vectors import word_vectors
from paretune.spec import InputError

_NUM_TRAINING_TIMES = 1000


class PixelCodec(Codec):
    """Needs no files: nothing in it was learnt."""

    prediction: ClassVar[Prediction] = "picture"

    def __init__(self, dtype: torch.dtype, side_pixels: int) -> None:
        self._dtype = dtype
        self._side_pixels = side_pixels

    def check_pixels(self, side_pixels: int) -> None:
        """Raise `InputError` for any other size than the one the model was trained with."""
        if side_pixels != self._side_pixels:
            raise InputError(
                f"recipe: image.pixels = {side_pixels}, but this base model draws {self._side_pixels}: set it to that"
            )

    def read_captions(self, captions: Sequence[str], settings: TextSettings) -> Tensor:  # noqa: ARG002
        """Return captions as the vectors of their words; the settings of text encoders say nothing here."""
        return word_vectors(captions).to(self._dtype)

    def to_tokens(self, pictures: Tensor) -> Tensor:
        """Return the patches of the pictures."""
        return to_patches(pictures.float())

    def to_pictures(self, tokens: Tensor, side_pixels: int) -> Tensor:
        """Return the pictures that the patches are of."""
        return to_pictures(tokens.float(), side_pixels, side_pixels).clamp(-1, 1)

    def positions(self, side_pixels: int) -> Tensor:
        """Return row and column of each patch."""
        return token_positions(side_pixels // PATCH_PIXELS)

    def training_times(self) -> Tensor:
        """Return 1000 equal steps from 1 down to 0.001."""
        return torch.linspace(1, 1 / _NUM_TRAINING_TIMES, _NUM_TRAINING_TIMES)

    def sampling_times(self, num_steps: int, num_tokens: int) -> Tensor:  # noqa: ARG002
        """Return equal steps."""
        return torch.linspace(1, 0, num_steps + 1)
