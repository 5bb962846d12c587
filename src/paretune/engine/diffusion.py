"""Flow matching: the loss and the sampler of image models, behind the one training loop.

A picture's tokens x and noise n are mixed to z = (1 - t) x + t n, and the model learns which way the noise lies,
v = n - x (Lipman et al., Flow Matching for Generative Modeling, arXiv 2210.02747). Sampling follows v from t = 1 to 0.
"""

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from paretune.engine.batches import sent
from paretune.methods import Objective
from paretune.models.codec import Codec, Prediction, text_positions
from paretune.spec import ImageRecipe

LEAST_TIME = 0.1
"""Velocities of a model that guesses the clean picture are divided by no smaller share of noise in training."""
NUM_CHECK_TIMES = 8
"""Shares of noise at which the validation loss of each picture is read, evenly spread."""


class FlowBatch(NamedTuple):
    """Noisy pictures with their captions, and the velocities that are to be predicted."""

    noisy: Tensor
    """float32, shape (batch, image tokens, channels)."""
    text: Tensor
    """Shape (batch, text tokens, text width), in the base's dtype."""
    time: Tensor
    """float32, shape (batch): the share of noise."""
    velocity: Tensor
    """float32, shape of `noisy`."""
    weight: Tensor
    """float32, shape (batch): what each picture's loss is multiplied by."""
    positions: Tensor
    """int64, shape (batch, image tokens, 4)."""
    text_positions: Tensor
    """int64, shape (batch, text tokens, 4)."""

    @property
    def num_terms(self) -> int:
        """Numbers that the loss is summed over."""
        return self.velocity.numel()

    def to(self, device: torch.device) -> "FlowBatch":
        """Return the batch on another device."""
        return FlowBatch(*(sent(tensor, device) for tensor in self))


class Captioned(NamedTuple):
    """Pictures and their captions as tokens, on the CPU: read once, kept for the whole training."""

    pictures: Tensor
    """float32, shape (pictures, image tokens, channels)."""
    text: Tensor
    """Shape (pictures, text tokens, text width)."""
    positions: Tensor
    """int64, shape (image tokens, 4)."""


class FlowBatches:
    """Batches without end. Iterating again begins again with the same order, noise and shares of noise."""

    def __init__(
        self, captioned: Captioned, codec: Codec, recipe: ImageRecipe, batch_size: int, seed: int
    ) -> None:  # fmt: skip
        self._captioned = captioned
        self._prediction = codec.prediction
        self._times = codec.training_times()
        self._recipe = recipe
        self._batch_size = batch_size
        self._seed = seed

    def __iter__(self) -> Iterator[FlowBatch]:
        generator = torch.Generator().manual_seed(self._seed)
        rows = self._rows(generator)
        while True:
            chosen = torch.tensor([next(rows) for _ in range(self._batch_size)])
            noise = torch.randn(self._captioned.pictures[chosen].shape, generator=generator)
            time, weight = drawn_times(self._recipe, self._times, self._batch_size, generator)
            yield flow_batch(self._captioned, chosen, noise, time, weight, self._prediction)

    def _rows(self, generator: torch.Generator) -> Iterator[int]:
        """Yield pictures without end: all of them in a new order, then again."""
        while True:
            yield from torch.randperm(len(self._captioned.pictures), generator=generator).tolist()


def drawn_times(
    recipe: ImageRecipe, times: Tensor, number: int, generator: torch.Generator
) -> tuple[Tensor, Tensor]:  # fmt: skip
    """Return shares of noise drawn as the recipe's weighting asks for, and the weights of their losses."""
    from diffusers.training_utils import compute_density_for_timestep_sampling, compute_loss_weighting_for_sd3

    places: Tensor = compute_density_for_timestep_sampling(
        weighting_scheme=recipe.weighting,
        batch_size=number,
        logit_mean=recipe.logit_mean,
        logit_std=recipe.logit_deviation,
        mode_scale=recipe.mode_scale,
        generator=generator,
    )
    time = times[(places * len(times)).long().clamp(0, len(times) - 1)]
    weight: Tensor = compute_loss_weighting_for_sd3(recipe.weighting, sigmas=time)
    return time, weight.float()


def flow_batch(  # noqa: PLR0917
    captioned: Captioned, rows: Tensor, noise: Tensor, time: Tensor, weight: Tensor, prediction: Prediction
) -> FlowBatch:
    """Return some of the pictures mixed with noise."""
    clean, share = captioned.pictures[rows], time.view(-1, 1, 1)
    noisy = (1 - share) * clean + share * noise
    return FlowBatch(
        noisy=noisy,
        text=captioned.text[rows],
        time=time,
        velocity=noise - clean if prediction == "velocity" else _damped_velocity(noisy, clean, time),
        weight=weight,
        positions=captioned.positions.expand(len(rows), -1, -1),
        text_positions=text_positions(captioned.text.shape[1]).expand(len(rows), -1, -1),
    )


def flow_loss(prediction: Prediction) -> Objective:
    """Return the objective of models that predict this: the weighted squared error of the velocity, summed."""

    def loss(model: nn.Module, batch: FlowBatch) -> Tensor:
        said = transformer_output(model, batch.noisy, batch.text, batch.time, batch.positions, batch.text_positions)
        velocity = said if prediction == "velocity" else _damped_velocity(batch.noisy, said, batch.time)
        return (batch.weight.view(-1, 1, 1) * (velocity - batch.velocity).square()).sum()

    return loss


def flow_checks(captioned: Captioned, codec: Codec, batch_size: int) -> list[FlowBatch]:
    """Return every picture at several fixed shares of noise, the same in every trial: for the validation loss."""
    generator = torch.Generator().manual_seed(0)
    levels = codec.training_times()
    batches = []
    rows = torch.arange(len(captioned.pictures)).repeat_interleave(NUM_CHECK_TIMES)
    places = (torch.arange(NUM_CHECK_TIMES) + 0.5) / NUM_CHECK_TIMES * len(levels)
    times = levels[places.long()].repeat(len(captioned.pictures))
    noise = torch.randn((len(rows), *captioned.pictures.shape[1:]), generator=generator)
    for start in range(0, len(rows), batch_size):
        cut = slice(start, start + batch_size)
        weight = torch.ones(len(rows[cut]))
        batches.append(flow_batch(captioned, rows[cut], noise[cut], times[cut], weight, codec.prediction))
    return batches


def sample(  # noqa: PLR0917
    model: nn.Module,
    noise: Tensor,
    text: Tensor,
    empty: Tensor,
    codec: Codec,
    recipe: ImageRecipe,
    *,
    batch_size: int,
    on_progress: Callable[[int, int], None] | None = None,
) -> Tensor:
    """Return the tokens of one picture for each row of noise, float32 on the CPU, shape of `noise`.

    `text` holds a caption for each row, `empty` the empty caption once. Latents stay in float32 from step to step.
    With guidance above 1 the model is asked twice a step (Ho and Salimans, arXiv 2207.12598).
    `on_progress(done, total)` is called after each batch.
    """
    times = codec.sampling_times(recipe.sampling_steps, noise.shape[1])
    positions = codec.positions(recipe.pixels)
    device = next(model.parameters()).device
    model.eval()
    found = []
    for start in range(0, len(noise), batch_size):
        rows = slice(start, start + batch_size)
        latents, caption = noise[rows].to(device), text[rows].to(device)
        captions = [caption, empty.to(device).expand_as(caption)] if recipe.guidance > 1 else [caption]
        for time, following in zip(times.tolist(), times[1:].tolist(), strict=False):
            said = [_velocity_at(model, codec.prediction, latents, one, time, positions) for one in captions]
            velocity = said[0] if len(said) == 1 else said[1] + recipe.guidance * (said[0] - said[1])
            latents = latents + (following - time) * velocity
        found.append(latents.cpu())
        if on_progress is not None:
            on_progress(min(start + batch_size, len(noise)), len(noise))
    return torch.cat(found)


def transformer_output(  # noqa: PLR0917
    model: nn.Module, noisy: Tensor, text: Tensor, time: Tensor, positions: Tensor, places_of_text: Tensor
) -> Tensor:
    """Return what the transformer says of noisy pictures, float32 of their shape."""
    guided = getattr(getattr(model, "config", None), "guidance_embeds", False)
    output: Any = model(
        hidden_states=noisy.to(text.dtype),  # captions are in the base's dtype
        encoder_hidden_states=text,
        timestep=time,
        img_ids=positions,
        txt_ids=places_of_text,
        guidance=torch.ones_like(time) if guided else None,
        return_dict=False,
    )
    said: Tensor = output[0]
    return said.float()


def _velocity_at(  # noqa: PLR0917
    model: nn.Module, prediction: Prediction, latents: Tensor, text: Tensor, time: float, positions: Tensor
) -> Tensor:
    """Return the velocity at one share of noise, without gradients."""
    size, device = len(latents), latents.device
    with torch.no_grad():
        said = transformer_output(
            model,
            latents,
            text,
            torch.full((size,), time, device=device),
            positions.to(device).expand(size, -1, -1),
            text_positions(text.shape[1]).to(device).expand(size, -1, -1),
        )
    return said if prediction == "velocity" else (latents - said) / time


def _damped_velocity(noisy: Tensor, clean: Tensor, time: Tensor) -> Tensor:
    """Return the velocity that follows from a clean picture, damped where there is little noise to divide by."""
    return (noisy - clean) / time.clamp(min=LEAST_TIME).view(-1, 1, 1)
