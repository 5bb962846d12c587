"""Diffusion transformers under audit: noisy image tokens, and the clean ones as what is to be predicted."""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn

from paretune.audit.probe import Answers, Dtype, Subject, device_of, evaluated
from paretune.engine.diffusion import transformer_output
from paretune.models import LoadedModel
from paretune.models.codec import text_positions, token_positions
from paretune.models.toy import NOTE
from paretune.models.toy_diffusion import NUM_CHANNELS, TEXT_WIDTH, toy_diffusion

_SIDE = 3
"""Image tokens in a row and in a column."""
_NUM_TEXT_TOKENS = 4


class NoisyBatch(NamedTuple):
    """Noisy images with their texts, as tokens, and the images without noise."""

    noisy: Tensor
    """float32, shape (batch, image tokens, channels)."""
    text: Tensor
    """float32, shape (batch, text tokens, text width)."""
    time: Tensor
    """float32, shape (batch): 0 is clean and 1 is noise."""
    clean: Tensor
    """float32, shape (batch, image tokens, channels)."""

    @property
    def num_terms(self) -> int:
        """Numbers that the loss is summed over."""
        return self.clean.numel()

    def to(self, device: torch.device) -> "NoisyBatch":
        """Return the batch on another device."""
        return NoisyBatch(*(tensor.to(device) for tensor in self))

    def part(self, index: int, num_parts: int) -> "NoisyBatch":
        """Return every `num_parts`-th row from `index` on."""
        return NoisyBatch(*(tensor[index::num_parts] for tensor in self))


def denoising_loss(model: nn.Module, batch: NoisyBatch) -> Tensor:
    """Return the squared error of the predicted clean images, summed."""
    return nn.functional.mse_loss(predicted(model, batch), batch.clean, reduction="sum")


def predicted(model: nn.Module, batch: NoisyBatch) -> Tensor:
    """Return what the transformer says of a batch, float32, shape (batch, image tokens, channels)."""
    dtype, device = next(model.parameters()).dtype, device_of(model)
    places = token_positions(_SIDE).to(device), text_positions(_NUM_TEXT_TOKENS).to(device)
    return transformer_output(model, batch.noisy, batch.text.to(dtype), batch.time, *places)


class DiffusionProbe:
    """Noisy images at different times."""

    def __init__(self, samples: NoisyBatch) -> None:
        self._samples = samples

    def outputs(self, model: nn.Module, rows: Sequence[int]) -> Tensor:
        """Return the predicted images, shape (rows, image tokens, channels)."""
        batch = NoisyBatch(*(tensor[list(rows)] for tensor in self._samples)).to(device_of(model))
        images: Tensor = evaluated(model, lambda: predicted(model, batch)).cpu()
        return images

    def padded_outputs(self, model: nn.Module, row: int) -> dict[str, Tensor]:  # noqa: ARG002
        """Return nothing: images have one size."""
        return {}

    def answers(self, model: nn.Module, rows: Sequence[int], num_padding: int = 0) -> Answers | None:  # noqa: ARG002
        """Return None: a diffusion transformer writes nothing."""
        return None


def diffusion_subject() -> Subject:
    """Return the toy diffusion transformer, with random images and texts."""
    samples = _samples(7)
    probe = DiffusionProbe(NoisyBatch(*(tensor[4:] for tensor in samples)))
    batch = NoisyBatch(*(tensor[:4] for tensor in samples))
    return Subject("diffusion", "toy Flux2Transformer2DModel", _load, probe, batch, denoising_loss)


def _samples(number: int) -> NoisyBatch:
    generator = torch.Generator().manual_seed(0)
    clean = torch.randn(number, _SIDE * _SIDE, NUM_CHANNELS, generator=generator)
    noise = torch.randn(clean.shape, generator=generator)
    text = torch.randn(number, _NUM_TEXT_TOKENS, TEXT_WIDTH, generator=generator)
    time = torch.linspace(0.2, 0.9, number)
    share = time.view(-1, 1, 1)
    return NoisyBatch((1 - share) * clean + share * noise, text, time, clean)


def _load(dtype: Dtype) -> LoadedModel:
    model = toy_diffusion()
    return LoadedModel(model if dtype == "float32" else model.to(getattr(torch, dtype)), None, NOTE)
