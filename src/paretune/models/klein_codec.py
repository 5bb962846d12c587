"""FLUX.2-klein's codec: text encoder, autoencoder and schedule, read from a pipeline folder of diffusers."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import pixel_shuffle, pixel_unshuffle

from paretune.models.codec import Codec, Prediction, TextSettings, token_positions
from paretune.models.hardware import default_device
from paretune.models.progress import without_bars
from paretune.spec import InputError, one_line

_PATCH = 2
"""Latent pixels along the side of one token."""


class KleinCodec(Codec):
    """Loads text encoder and autoencoder for each call that needs them, onto the accelerator where there is one."""

    prediction: ClassVar[Prediction] = "velocity"

    def __init__(self, folder: Path, dtype: torch.dtype) -> None:
        self._folder = folder
        self._dtype = dtype

    def check_pixels(self, side_pixels: int) -> None:
        """Raise `InputError` unless the side is a multiple of a token's."""
        token = self._token_pixels
        if side_pixels % token:
            raise InputError(f"recipe: image.pixels = {side_pixels} is not a multiple of {token}, the side of a token")

    def read_captions(self, captions: Sequence[str], settings: TextSettings) -> Tensor:
        """Return the chosen states of the text encoder, side by side."""
        from diffusers import Flux2KleinPipeline
        from transformers import AutoTokenizer, Qwen3ForCausalLM

        with _reading(self._folder):
            tokenizer = AutoTokenizer.from_pretrained(str(self._folder / "tokenizer"), local_files_only=True)
        with self._part(Qwen3ForCausalLM, "text_encoder", "dtype") as encoder:
            num_layers = encoder.config.num_hidden_layers
            if any(not 0 <= layer <= num_layers for layer in settings.layers):
                raise InputError(
                    f"recipe: image.text_layers = {list(settings.layers)}: the text encoder in {self._folder} has "
                    f"layers 0 to {num_layers}"
                )
            pipeline = Flux2KleinPipeline(
                scheduler=None, vae=None, text_encoder=encoder, tokenizer=tokenizer, transformer=None
            )
            states = [
                pipeline.encode_prompt(
                    prompt=caption,
                    device=encoder.device,
                    max_sequence_length=settings.max_tokens,
                    text_encoder_out_layers=settings.layers,
                )[0].cpu()
                for caption in captions
            ]
        return torch.cat(states).to(self._dtype)

    def to_tokens(self, pictures: Tensor) -> Tensor:
        """Return the autoencoder's most likely latents in patches, normalised as the transformer knows them."""
        from diffusers import AutoencoderKLFlux2

        with self._part(AutoencoderKLFlux2, "vae", "torch_dtype") as autoencoder:
            rows = []
            for picture in torch.split(pictures, 1):
                latents = autoencoder.encode(picture.to(autoencoder.device, autoencoder.dtype)).latent_dist.mode()
                mean, deviation = _normalisation(autoencoder, latents)
                rows.append(((pixel_unshuffle(latents, _PATCH) - mean) / deviation).float().cpu())
        return torch.cat(rows).flatten(2).transpose(1, 2)

    def to_pictures(self, tokens: Tensor, side_pixels: int) -> Tensor:
        """Return what the autoencoder makes of the latents, one picture at a time."""
        from diffusers import AutoencoderKLFlux2

        with self._part(AutoencoderKLFlux2, "vae", "torch_dtype") as autoencoder:
            side = side_pixels // self._token_pixels
            rows = []
            for row in torch.split(tokens, 1):
                latents = row.to(autoencoder.device, autoencoder.dtype).transpose(1, 2).reshape(1, -1, side, side)
                mean, deviation = _normalisation(autoencoder, latents)
                latents = pixel_shuffle(latents * deviation + mean, _PATCH)
                rows.append(autoencoder.decode(latents, return_dict=False)[0].float().clamp(-1, 1).cpu())
        return torch.cat(rows)

    def positions(self, side_pixels: int) -> Tensor:
        """Return row and column of each token."""
        return token_positions(side_pixels // self._token_pixels)

    def training_times(self) -> Tensor:
        """Return the schedule's own levels of noise."""
        scheduler = self._scheduler()
        times: Tensor = scheduler.sigmas[: scheduler.config.num_train_timesteps]
        return times.float()

    def sampling_times(self, num_steps: int, num_tokens: int) -> Tensor:
        """Return the schedule that the pipeline uses for a number of steps and of tokens per image."""
        from diffusers.pipelines.flux2.pipeline_flux2_klein import compute_empirical_mu

        scheduler = self._scheduler()
        if getattr(scheduler.config, "use_flow_sigmas", False):
            sigmas = None
        else:
            sigmas = np.linspace(1.0, 1 / num_steps, num_steps)
        mu = compute_empirical_mu(image_seq_len=num_tokens, num_steps=num_steps)
        scheduler.set_timesteps(num_steps if sigmas is None else None, sigmas=sigmas, mu=mu)
        times: Tensor = scheduler.sigmas
        return times.float()

    @cached_property
    def _token_pixels(self) -> int:
        """Return the side of one token."""
        from diffusers import AutoencoderKLFlux2

        with _reading(self._folder / "vae"):
            config = AutoencoderKLFlux2.load_config(str(self._folder / "vae"))
            return int(_PATCH * 2 ** (len(config["block_out_channels"]) - 1))

    def _scheduler(self) -> Any:
        from diffusers import FlowMatchEulerDiscreteScheduler

        with _reading(self._folder):
            return FlowMatchEulerDiscreteScheduler.from_pretrained(
                str(self._folder / "scheduler"), local_files_only=True
            )

    @contextmanager
    def _part(self, kind: Any, name: str, dtype_keyword: str) -> Iterator[Any]:
        """Yield a part of the pipeline in eval mode, and let go of it afterwards."""
        with _reading(self._folder / name), without_bars():
            part = kind.from_pretrained(
                str(self._folder / name),
                local_files_only=True,
                use_safetensors=True,
                **{dtype_keyword: self._dtype},
            )
        device = default_device()
        try:
            with torch.no_grad():
                yield part.to(device).eval()
        finally:
            part.to("meta")  # whoever still holds it holds no memory
            if device.type == "cuda":
                torch.cuda.empty_cache()  # or training would start with the room that this part took reserved


def _normalisation(autoencoder: Any, like: Tensor) -> tuple[Tensor, Tensor]:
    """Return mean and deviation of each channel of a latent patch."""
    statistics, epsilon = autoencoder.bn, autoencoder.config.batch_norm_eps
    mean = statistics.running_mean.view(1, -1, 1, 1).to(like)
    deviation = torch.sqrt(statistics.running_var.view(1, -1, 1, 1) + epsilon).to(like)
    return mean, deviation


@contextmanager
def _reading(folder: Path) -> Iterator[None]:
    try:
        yield
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(
            f"{folder}: cannot be read as a part of a FLUX.2-klein pipeline: {one_line(error)[:200]}; save or fetch it "
            "again"
        ) from None
