"""A diffusion transformer of a few thousand parameters, built in memory."""

from typing import Any

from paretune.models.progress import without_bars
from paretune.models.toy import seeded

NUM_CHANNELS = 16
"""Numbers in one image token."""
TEXT_WIDTH = 32
"""Numbers in one text token."""


def toy_diffusion() -> Any:
    """Return a Flux-like transformer with one double and two single blocks of width 64, in float32.

    It has the same initial weights every time. The generators of the caller are left as they were.
    """
    from diffusers import Flux2Transformer2DModel

    with seeded(), without_bars():
        return Flux2Transformer2DModel(
            patch_size=1,
            in_channels=NUM_CHANNELS,
            num_layers=1,
            num_single_layers=2,
            attention_head_dim=32,
            num_attention_heads=2,
            joint_attention_dim=TEXT_WIDTH,
            timestep_guidance_channels=32,
            mlp_ratio=2.0,
            axes_dims_rope=(4, 12, 12, 4),
            guidance_embeds=False,
        ).eval()
