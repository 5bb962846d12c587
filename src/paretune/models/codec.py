"""Between people and an image model's transformer: captions and pictures as tokens, and tokens as pictures."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import ClassVar, Literal, NamedTuple

import torch
from torch import Tensor

Prediction = Literal["velocity", "picture"]
"""What the transformer says of a noisy picture: which way the noise lies, or what the clean picture is."""


class TextSettings(NamedTuple):
    """How captions are read by a text encoder."""

    max_tokens: int
    layers: tuple[int, ...]
    """Layers of the encoder whose states are joined, counted from the embeddings as 0."""


class Codec(ABC):
    """The parts of an image model around its transformer.

    Guarantees: every part is loaded for the one call that needs it and dropped afterwards, so that training and
    sampling hold the transformer alone. Tensors go to and come from the CPU, in float32 but for captions, which are in
    the base's dtype.
    """

    prediction: ClassVar[Prediction]

    @abstractmethod
    def check_pixels(self, side_pixels: int) -> None:
        """Raise `InputError` where pictures of this size cannot be cut into tokens."""

    @abstractmethod
    def read_captions(self, captions: Sequence[str], settings: TextSettings) -> Tensor:
        """Return captions as tokens, shape (captions, text tokens, text width). The empty caption is one too."""

    @abstractmethod
    def to_tokens(self, pictures: Tensor) -> Tensor:
        """Return pictures (batch, 3, side, side) from -1 to 1 as tokens (batch, tokens, channels)."""

    @abstractmethod
    def to_pictures(self, tokens: Tensor, side_pixels: int) -> Tensor:
        """Return tokens as pictures (batch, 3, side, side), values kept within -1 and 1."""

    @abstractmethod
    def positions(self, side_pixels: int) -> Tensor:
        """Return where each token of a picture lies, int64 (tokens, 4): time, row, column, word."""

    @abstractmethod
    def training_times(self) -> Tensor:
        """Return the shares of noise that training draws from, from all noise to almost none, float32."""

    @abstractmethod
    def sampling_times(self, num_steps: int, num_tokens: int) -> Tensor:
        """Return the shares of noise that sampling goes through, num_steps + 1 values from 1 to 0, float32."""


def token_positions(side_tokens: int) -> Tensor:
    """Return where each token of a square picture lies, int64 (tokens, 4): time, row, column, word."""
    zero, places = torch.arange(1), torch.arange(side_tokens)
    return torch.cartesian_prod(zero, places, places, zero)


def text_positions(num_tokens: int) -> Tensor:
    """Return where the tokens of a caption lie, int64 (tokens, 4)."""
    positions = torch.zeros(num_tokens, 4, dtype=torch.int64)
    positions[:, 3] = torch.arange(num_tokens)
    return positions
