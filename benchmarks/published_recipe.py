"""The recipes of peft's `method_comparison` as far as memory sees them: rows, methods, objectives. No code of theirs.

Written after their scripts (huggingface/peft, `method_comparison/MetaMathQA/run.py` and `image-gen/run.py`, August
2026).
"""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Literal, NamedTuple

import torch
from peft import AdaLoraConfig, AdamssConfig, PeftConfig, PeftModel, get_peft_model
from peft.optimizers import create_lorafa_optimizer
from torch import Tensor, nn
from torch.optim import Optimizer

from paretune.engine import Batch
from paretune.engine.batches import Repeated
from paretune.estimate.settings import EstimateSettings
from paretune.estimate.workload import workload_for
from paretune.kinds import Lengths, Workload
from paretune.methods import Context, Method
from paretune.models import ModelShape
from paretune.spec import MethodSpec, Recipe

Kind = Literal["MetaMathQA", "image-gen"]

PIXELS_PER_TOKEN = 16
"""Of a picture's side: one latent for 8 x 8 pixels, and four of those make one token."""
IMAGE_TEXT_TOKENS = 512
DINO_BYTES = 86_580_480 * 4
"""dinov2-base in float32 judges the pictures and stays on the device (facebook/dinov2-base, 86,580,480 parameters)."""
IMAGE_CACHE_BYTES = (14 * 512 * 7680 * 2, 14 * 512 * 4 * 8, 14 * 128 * 32 * 32 * 2)
"""Embedded texts, their places and the latents of the 14 training pictures stay there as well."""


class Row(NamedTuple):
    """One published result with the configuration it was made from."""

    kind: Kind
    name: str
    peft_config: Path | None
    """Folder of the adapter's configuration; None for full fine-tuning."""
    train_config: dict[str, Any]
    train_info: dict[str, Any]

    @property
    def mean_allocated_bytes(self) -> float:
        """Allocated at the end of a step, mean over all steps."""
        means = [entry["mem allocated avg"] for entry in self.train_info["metrics"] if "mem allocated avg" in entry]
        return float(sum(means) / len(means))


def read_rows(folder: Path, kind: Kind) -> Iterator[Row]:
    """Yield all published rows of one comparison."""
    for path in sorted((folder / kind / "results").glob("*.json")):
        value = json.loads(path.read_text(encoding="utf-8"))
        experiment = folder / kind / "experiments" / Path(*path.stem.split("--", 1))
        adapter = experiment if (experiment / "adapter_config.json").exists() else None
        yield Row(kind, path.stem, adapter, value["run_info"]["train_config"], value["train_info"])


class PublishedMethod(Method):
    """A method as the published script builds it: peft's own defaults for dtypes, its optimizers, its hooks."""

    def __init__(self, row: Row) -> None:
        super().__init__(MethodSpec(name=row.name, label=row.name, implementation="published"))
        self._row = row
        self._config: PeftConfig | None = None
        self.num_trainable_parameters = 0
        """As the script counts them: after its optimizer exists, before anything else happens."""
        if row.peft_config is not None:
            self._config = PeftConfig.from_pretrained(str(row.peft_config))
            self._config.base_model_name_or_path = None

    def wrap(self, model: nn.Module, context: Context) -> nn.Module:  # noqa: ARG002
        """Return the model with the adapter attached, or all of it trainable."""
        if self._row.train_config["use_gc"]:
            enable: Any = getattr(model, "enable_gradient_checkpointing", None) or model.gradient_checkpointing_enable
            enable()
        if self._config is None:
            return model.requires_grad_(True)
        device = next(model.parameters()).device
        cast = self._row.train_config["autocast_adapter_dtype"]
        wrapped: nn.Module = get_peft_model(model, self._config, autocast_adapter_dtype=cast)
        if self._row.kind == "image-gen":
            # The script moves the wrapped model to the host and back as a whole, buffers included.
            return wrapped.to("cpu").to(device)
        # The script never moves the wrapped model as a whole, as our loop does, so what peft leaves on the host stays
        # there.
        wrapped.to = lambda *_, **__: wrapped  # type: ignore[method-assign]
        return wrapped

    def optimizer(self, model: nn.Module, context: Context) -> Optimizer:  # noqa: ARG002
        """Return the published optimizer over all parameters.

        The script then reads a loss with the adapter disabled; enabling it again unfreezes what the optimizer froze.
        """
        optimizer = self._optimizer(model)
        self.num_trainable_parameters = sum(p.numel() for p in model.parameters() if p.requires_grad)
        if isinstance(model, PeftModel):
            with model.disable_adapter():
                pass
        return optimizer

    def _optimizer(self, model: nn.Module) -> Optimizer:
        options = dict(self._row.train_config["optimizer_kwargs"])
        match self._row.train_config["optimizer_type"]:
            case "lora-fa":
                return create_lorafa_optimizer(model, **options)  # type: ignore[no-any-return]
            case "riemannian":
                from peft.optimizers import create_riemannian_optimizer  # not in the peft of July 2026

                return create_riemannian_optimizer(  # type: ignore[no-any-return]
                    model, optimizer_cls=torch.optim.AdamW, **options
                )
            case _:
                return torch.optim.AdamW(model.parameters(), **options)

    def after_step(self, model: nn.Module, step: int) -> None:
        """Update what AdaLoRA and AdaMSS update."""
        if isinstance(self._config, AdaLoraConfig | AdamssConfig):
            model.base_model.update_and_allocate(step + 1)  # type: ignore[union-attr, operator]

    def save(self, model: nn.Module, folder: Path) -> None:
        """Save as peft does. Full fine-tuning is not saved: its size was computed."""
        if self._config is not None:
            model.save_pretrained(str(folder))  # type: ignore[operator]

    def load(self, model: nn.Module, folder: Path) -> nn.Module:
        """Not part of what is predicted."""
        raise NotImplementedError


class WholeSequenceLoss:
    """The model's own loss over all tokens. The last step's outputs stay until the next ones are there, as in the
    script."""

    def __init__(self) -> None:
        self._outputs: Any = None

    def __call__(self, model: nn.Module, batch: Batch) -> Tensor:
        """Return the loss, times the number of tokens that the loop divides by."""
        labels = torch.where(batch.attention_mask.bool(), batch.input_ids, -100)
        num_items = batch.attention_mask.sum().item()
        self._outputs = model(
            input_ids=batch.input_ids, attention_mask=batch.attention_mask, labels=labels, num_items_in_batch=num_items
        )
        loss: Tensor = self._outputs.loss
        return loss


class NoisyPictures(NamedTuple):
    """A batch of the image script: packed latents and embedded texts, mixed with noise inside the loss."""

    latents: Tensor
    """bfloat16, shape (batch, picture tokens, channels), as are noise and text."""
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


def noisy_pictures(shape: ModelShape, batch_size: int, resolution: int) -> NoisyPictures:
    """Return a batch of square pictures as the script makes it."""
    num_tokens = (resolution // PIXELS_PER_TOKEN) ** 2
    channels, width, axes = (shape.config[key] for key in ("in_channels", "joint_attention_dim", "axes_dims_rope"))
    latents = torch.zeros(batch_size, num_tokens, channels, dtype=torch.bfloat16)
    return NoisyPictures(
        latents=latents,
        noise=torch.zeros_like(latents),
        text=torch.zeros(batch_size, IMAGE_TEXT_TOKENS, width, dtype=torch.bfloat16),
        times=torch.zeros(batch_size),
        picture_places=torch.zeros(batch_size, num_tokens, len(axes), dtype=torch.int64),
        text_places=torch.zeros(batch_size, IMAGE_TEXT_TOKENS, len(axes), dtype=torch.int64),
    )


class MeanVelocityLoss:
    """The error of the predicted velocity, mean over numbers and pictures."""

    def __call__(self, model: nn.Module, batch: NoisyPictures) -> Tensor:
        """Return the loss."""
        share = batch.times.to(batch.latents.dtype)[:, None, None]
        predicted: Any = model(
            hidden_states=(1.0 - share) * batch.latents + share * batch.noise,
            encoder_hidden_states=batch.text,
            timestep=batch.times,
            img_ids=batch.picture_places,
            txt_ids=batch.text_places,
            guidance=None,
            return_dict=False,
        )[0]
        target = batch.noise - batch.latents
        weight = torch.ones_like(share)
        error = (weight.float() * (predicted.float() - target.float()) ** 2).reshape(len(target), -1)
        loss: Tensor = torch.mean(error, 1).mean()
        return loss


class InTurn:
    """Batches of different lengths in a given order, each once."""

    def __init__(self, parts: Sequence[Workload]) -> None:
        self._parts = parts

    def __iter__(self) -> Iterator[Any]:
        for part in self._parts:
            yield next(iter(part.batches))


def published_settings(row: Row) -> EstimateSettings:
    """Return the settings of a published run."""
    config = row.train_config
    recipe = Recipe(batch_size=config["batch_size"], dtype=config["dtype"], trainable_dtype="as_base")
    return EstimateSettings(recipe=recipe, device="cuda", resolution=config.get("resolution", 512))


def published_workload(row: Row, settings: EstimateSettings, shape: ModelShape, lengths: Sequence[int]) -> Workload:
    """Return the batches of a published run, one for each length."""
    batch_size = settings.recipe.batch_size
    if row.kind == "image-gen":
        objective = MeanVelocityLoss()
        pictures = [noisy_pictures(shape, batch_size, settings.resolution) for _ in lengths]
        return Workload(InTurn([Workload(Repeated(one), objective, None) for one in pictures]), objective, None)
    parts = []
    for length in lengths:
        rows = [Lengths(0, length), *[Lengths(0, length - 1)] * (batch_size - 1)]
        parts.append(workload_for(shape, settings, rows))
    return Workload(InTurn(parts), WholeSequenceLoss(), int(shape.config["vocab_size"]))
