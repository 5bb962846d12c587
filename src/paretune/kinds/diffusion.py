"""Image models, whose transformer is fine-tuned by flow matching: captions that are drawn.

Under audit: noisy image tokens, and the clean ones as what is to be predicted.
"""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from paretune.engine.batches import Repeated
from paretune.engine.diffusion import (
    Captioned,
    FlowBatch,
    FlowBatches,
    flow_batch,
    flow_checks,
    flow_loss,
    transformer_output,
)
from paretune.kinds.base import (
    CLAIMS_OF_EVERY_KIND,
    Asked,
    BatchSize,
    Evaluation,
    Kind,
    OnProgress,
    ReadTexts,
    TrainingData,
    Workload,
)
from paretune.kinds.pictures import Pictures
from paretune.kinds.probe import Dtype, Subject, device_of, evaluated
from paretune.measure import Phases
from paretune.methods import KindTraits, Objective
from paretune.models import LoadedModel, load_image_model, makes_pictures, on_device
from paretune.models.codec import Codec, Prediction, token_positions
from paretune.models.toy import NOTE
from paretune.models.toy_diffusion import NUM_CHANNELS, TEXT_WIDTH, toy_diffusion
from paretune.spec import DIFFUSION, ImageRecipe, Recipe, Trial
from paretune.tasks import ImageTask, Split

_PIXELS_PER_TOKEN = 16
"""FLUX.2's autoencoder makes one latent of 8 x 8 pixels, and four of those make one token."""
_SIDE = 3
"""Image tokens in a row and in a column of an audit's pictures."""
_NUM_TEXT_TOKENS = 4
_AUDITED: Prediction = "picture"
"""What the toy says under audit."""


class Diffusion(Kind[ImageTask]):
    """Diffusion transformers of image models. Forgetting: how far drawings of other captions drift."""

    traits: ClassVar[KindTraits] = KindTraits(DIFFUSION, None, linear_in_blocks=True, always_batched=True)
    words: ClassVar[str] = "an image model, such as shipped:drawings"
    tasks: ClassVar[type[Any]] = ImageTask
    claims: ClassVar[frozenset[str]] = CLAIMS_OF_EVERY_KIND

    def fits(self, reference: str) -> bool:
        """A pipeline of diffusers, by its files."""
        return makes_pictures(reference)

    def recognises(self, config: Mapping[str, Any]) -> bool:
        """By naming a class of diffusers."""
        return "_class_name" in config

    def load(self, task: ImageTask, trial: Trial) -> LoadedModel:  # noqa: ARG002
        """Return the transformer, with the codec as its processor."""
        loaded, codec = load_image_model(trial.base_model, trial.recipe.dtype)
        codec.check_pixels(_image(trial).pixels)
        return on_device(loaded._replace(processor=codec))

    def build(self, config: Mapping[str, Any], dtype: torch.dtype) -> nn.Module:
        """Return the transformer."""
        import diffusers

        model_class = getattr(diffusers, config["_class_name"], None)
        if model_class is None:
            raise ValueError(f'diffusers has no class "{config["_class_name"]}"')
        built: nn.Module = model_class.from_config(dict(config)).to(dtype)
        return built

    def recipe(self, recipe: Recipe) -> Recipe:
        """Return the recipe with the settings of image models."""
        return recipe if recipe.image is not None else recipe.model_copy(update={"image": ImageRecipe()})

    def check(self, task: ImageTask, trial: Trial, tokenizer: Any, read_texts: ReadTexts) -> None:  # noqa: ARG002
        """Refuse a judge that is none."""
        from paretune.models.image_encoder import check_image_encoder

        check_image_encoder(task.judge)

    def num_examples(self, task: ImageTask, split: Split) -> int:
        """Return how many pictures a split has."""
        return len(task.pictures(split))

    def objective(self, loaded: LoadedModel) -> Objective:
        """Return the loss of flow matching."""
        codec: Codec = loaded.processor
        return flow_loss(codec.prediction)

    def training_data(self, task: ImageTask, trial: Trial, loaded: LoadedModel) -> TrainingData:
        """Return the training pictures as noisy batches. Pictures and captions are read once, here."""
        codec, batch_size = loaded.processor, trial.recipe.batch_size
        pictures = Pictures(trial, task, codec)
        batches = FlowBatches(pictures.captioned("train"), codec, _image(trial), batch_size, trial.seed)
        validation = flow_checks(pictures.captioned("validation"), codec, batch_size)
        return TrainingData(batches, batches, validation)  # pictures have one size: any batch needs as much as another

    def evaluate(
        self, asked: Asked[ImageTask], loaded: LoadedModel, phases: Phases, on_progress: OnProgress
    ) -> Evaluation:  # fmt: skip
        """Draw the captions of the trial's split."""
        return Pictures(asked.trial, asked.task, loaded.processor).evaluate(loaded, asked, phases, on_progress)

    def subject(self, reference: str | None, *, tied: bool) -> Subject | None:
        """Return the toy diffusion transformer, with random images and texts."""
        if reference is not None or tied:
            return None
        batch, samples = _audited_pictures(range(4)), _audited_pictures(range(4, 7))
        return Subject(self, "toy Flux2Transformer2DModel", _load, DiffusionProbe(samples), batch, flow_loss(_AUDITED))

    def workload(self, config: Mapping[str, Any], size: BatchSize) -> Workload:
        """Return a batch of noisy square pictures with their captions, of a transformer of FLUX.2's kind."""
        batch_size, num_tokens = len(size.lengths), (size.resolution // _PIXELS_PER_TOKEN) ** 2
        channels, width, axes = (config[key] for key in ("in_channels", "joint_attention_dim", "axes_dims_rope"))
        noisy = torch.zeros(batch_size, num_tokens, channels)
        batch = FlowBatch(
            noisy=noisy,
            text=torch.zeros(batch_size, size.text_length, width, dtype=size.dtype),
            time=torch.zeros(batch_size),
            velocity=torch.zeros_like(noisy),
            weight=torch.ones(batch_size),
            positions=torch.zeros(batch_size, num_tokens, len(axes), dtype=torch.int64),
            text_positions=torch.zeros(batch_size, size.text_length, len(axes), dtype=torch.int64),
        )
        return Workload(Repeated(batch), flow_loss("velocity"), logits_width=None)

    def assumptions(self, *, own_data: bool) -> tuple[str, ...]:  # noqa: ARG002
        """Say what is not on the device."""
        return ("texts and images are embedded beforehand; text encoder and autoencoder are not on the device",)


class DiffusionProbe:
    """Noisy images at different times."""

    def __init__(self, samples: FlowBatch) -> None:
        self._samples = samples

    def outputs(self, model: nn.Module, rows: Sequence[int]) -> Tensor:
        """Return the predicted images, shape (rows, image tokens, channels)."""
        batch = FlowBatch(*(tensor[list(rows)] for tensor in self._samples)).to(device_of(model))
        dtype = next(model.parameters()).dtype
        images: Tensor = evaluated(
            model,
            lambda: transformer_output(
                model, batch.noisy, batch.text.to(dtype), batch.time, batch.positions, batch.text_positions
            ),
        )
        return images.cpu()

    def padded_outputs(self, model: nn.Module, row: int) -> dict[str, Tensor]:  # noqa: ARG002
        """Return nothing: images have one size."""
        return {}

    def answers(self, model: nn.Module, rows: Sequence[int], num_padding: int = 0) -> None:
        """Return None: a diffusion transformer writes nothing."""


def _audited_pictures(rows: range) -> FlowBatch:
    """Return some of seven random pictures with random captions, each at another share of noise.

    They are weighted so that an error of the predicted picture counts the same for every share of noise.
    """
    number, generator = 7, torch.Generator().manual_seed(0)
    clean = torch.randn(number, _SIDE * _SIDE, NUM_CHANNELS, generator=generator)
    noise = torch.randn(clean.shape, generator=generator)
    text = torch.randn(number, _NUM_TEXT_TOKENS, TEXT_WIDTH, generator=generator)
    time = torch.linspace(0.2, 0.9, number)
    chosen = torch.tensor(rows)
    captioned = Captioned(clean, text, token_positions(_SIDE))
    return flow_batch(captioned, chosen, noise[chosen], time[chosen], time[chosen].square(), _AUDITED)


def _image(trial: Trial) -> ImageRecipe:
    return trial.recipe.image or ImageRecipe()


def _load(dtype: Dtype) -> LoadedModel:
    model = toy_diffusion()
    return LoadedModel(model if dtype == "float32" else model.to(getattr(torch, dtype)), None, NOTE)
