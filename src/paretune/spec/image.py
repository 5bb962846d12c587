"""How an image model is trained and evaluated, in addition to what every recipe says."""

from typing import Literal

from pydantic import ConfigDict, Field

from paretune.spec.base import LARGEST_COUNT, Data


class ImageRecipe(Data):
    """Settings of flow matching, of the text encoder and of sampling. All methods of a study share them."""

    model_config = ConfigDict(allow_inf_nan=False)

    pixels: int = Field(default=32, ge=8, le=LARGEST_COUNT)
    """Side of the square that pictures are brought to, for training and for sampling."""
    weighting: Literal["none", "sigma_sqrt", "logit_normal", "mode"] = "none"
    """How shares of noise are drawn in training, and their losses weighted, by its name in diffusers."""
    logit_mean: float = 0.0
    """Mean of the shares' logits under "logit_normal"."""
    logit_deviation: float = Field(default=1.0, gt=0)
    """Deviation of the shares' logits under "logit_normal"."""
    mode_scale: float = 1.29
    """How far "mode" departs from even shares."""
    sampling_steps: int = Field(default=20, ge=1, le=LARGEST_COUNT)
    """Steps from noise to picture."""
    guidance: float = Field(default=1.0, ge=1)
    """Classifier-free guidance; 1 samples without."""
    text_layers: tuple[int, ...] = Field(default=(9, 18, 27), min_length=1)
    """Layers of the text encoder whose states a caption is made of."""

    def __str__(self) -> str:
        """Return the settings as they are shown: name and value of each."""
        return ", ".join(f"{name} {getattr(self, name)}" for name in type(self).model_fields)
