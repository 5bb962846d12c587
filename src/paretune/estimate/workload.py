"""What is put through a model: the longest batch of its training, and how its loss is taken."""

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from paretune.engine import Batches, answer_loss
from paretune.engine.batches import Encoded
from paretune.engine.train import DataBatch
from paretune.methods import Objective
from paretune.models import ModelShape

_TOKEN = 1
"""Any token: which one it is changes no byte."""
_PIXELS_PER_LATENT = 16
"""FLUX.2's autoencoder makes one latent of 8 x 8 pixels, and four of those make one token."""


class Workload(NamedTuple):
    """Batches without end, all of the same size, and the objective."""

    batches: Iterable[DataBatch]
    objective: Objective
    logits_width: int | None
    """Width of what counts as logits."""


class Lengths(NamedTuple):
    """Tokens of one example."""

    prompt: int
    answer: int


def padded_lengths(batch_size: int, sequence_length: int) -> list[Lengths]:
    """Return examples of which one has the full length and the others one token less, all of it trained on.

    Lengths differ in real batches, and a batch that holds padding needs a mask, which needs memory.
    """
    shorter = max(1, sequence_length - 1)
    return [Lengths(0, sequence_length), *[Lengths(0, shorter)] * (batch_size - 1)]


def language_workload(shape: ModelShape, lengths: Sequence[Lengths]) -> Workload:
    """Return a batch of a language model's training."""
    encoded = [Encoded([_TOKEN] * prompt, [_TOKEN] * answer) for prompt, answer in lengths]
    batches = Batches(encoded, len(encoded), pad_id=0, seed=0)
    return Workload(batches, answer_loss, logits_width=int(shape.config["vocab_size"]))


class LabelledTexts(NamedTuple):
    """A batch for an encoder with a classification head."""

    input_ids: Tensor
    """int64, shape (batch, sequence)."""
    attention_mask: Tensor
    labels: Tensor
    """int64, shape (batch,)."""

    @property
    def num_terms(self) -> int:
        """One loss term for each text."""
        return len(self.labels)

    def to(self, device: torch.device) -> "LabelledTexts":
        """Return the batch on another device."""
        return LabelledTexts(*(tensor.to(device) for tensor in self))

    def part(self, index: int, num_parts: int) -> "LabelledTexts":
        """Return one process's share."""
        return LabelledTexts(*(tensor[index::num_parts] for tensor in self))


def encoder_workload(lengths: Sequence[Lengths]) -> Workload:
    """Return a batch of a classifier's training."""
    tokens = [prompt + answer for prompt, answer in lengths]
    mask = torch.zeros(len(tokens), max(tokens), dtype=torch.int64)
    for row, length in enumerate(tokens):
        mask[row, :length] = 1
    batch = LabelledTexts(torch.ones_like(mask), mask, torch.zeros(len(tokens), dtype=torch.int64))
    return Workload(_Again(batch), _classification_loss, logits_width=None)


def _classification_loss(model: nn.Module, batch: LabelledTexts) -> Tensor:
    logits = model(input_ids=batch.input_ids, attention_mask=batch.attention_mask).logits
    return cross_entropy(logits.float(), batch.labels, reduction="sum")


class NoisyPictures(NamedTuple):
    """A batch for a diffusion transformer of FLUX.2's kind: packed latents and embedded texts."""

    latents: Tensor
    """shape (batch, picture tokens, channels), in the model's format, as are noise and text."""
    noise: Tensor
    text: Tensor
    """shape (batch, text tokens, width)."""
    times: Tensor
    """float32, shape (batch,)."""
    picture_places: Tensor
    """int64, shape (batch, picture tokens, 4), as are the text's."""
    text_places: Tensor

    @property
    def num_terms(self) -> int:
        """One loss term for each number of the latents."""
        return self.latents.numel()

    def to(self, device: torch.device) -> "NoisyPictures":
        """Return the batch on another device."""
        return NoisyPictures(*(tensor.to(device) for tensor in self))

    def part(self, index: int, num_parts: int) -> "NoisyPictures":
        """Return one process's share."""
        return NoisyPictures(*(tensor[index::num_parts] for tensor in self))


def diffusion_workload(
    shape: ModelShape, batch_size: int, text_length: int, resolution: int, dtype: torch.dtype
) -> Workload:
    """Return a batch of a diffusion transformer's training on square pictures."""
    num_tokens = (resolution // _PIXELS_PER_LATENT) ** 2
    channels, width, axes = (shape.config[key] for key in ("in_channels", "joint_attention_dim", "axes_dims_rope"))
    latents = torch.zeros(batch_size, num_tokens, channels, dtype=dtype)
    batch = NoisyPictures(
        latents=latents,
        noise=torch.zeros_like(latents),
        text=torch.zeros(batch_size, text_length, width, dtype=dtype),
        times=torch.zeros(batch_size),
        picture_places=torch.zeros(batch_size, num_tokens, len(axes), dtype=torch.int64),
        text_places=torch.zeros(batch_size, text_length, len(axes), dtype=torch.int64),
    )
    return Workload(_Again(batch), velocity_loss, logits_width=None)


def velocity_loss(model: nn.Module, batch: NoisyPictures) -> Tensor:
    """Return the squared error of the predicted velocity, summed: the loss of rectified flow (arXiv 2209.03003)."""
    share = batch.times.to(batch.latents.dtype)[:, None, None]
    noisy = (1.0 - share) * batch.latents + share * batch.noise
    guided = getattr(getattr(model, "config", None), "guidance_embeds", False)
    predicted: Any = model(
        hidden_states=noisy,
        encoder_hidden_states=batch.text,
        timestep=batch.times,
        img_ids=batch.picture_places,
        txt_ids=batch.text_places,
        guidance=torch.ones_like(batch.times) if guided else None,
        return_dict=False,
    )[0]
    target = batch.noise - batch.latents
    error: Tensor = ((predicted.float() - target.float()) ** 2).sum()
    return error


class _Again:
    """The same batch without end."""

    def __init__(self, batch: Any) -> None:
        self._batch = batch

    def __iter__(self) -> Any:
        while True:
            yield self._batch
