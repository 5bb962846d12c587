"""Where base models come from: the hub, a folder, a package, or built in memory."""

from paretune.models.bundled_configs import carried_shapes
from paretune.models.content import base_content, pinned
from paretune.models.hardware import check_attention
from paretune.models.load import (
    Head,
    LoadedModel,
    check_reference,
    load_image_model,
    load_model,
    makes_pictures,
    needs_package,
    on_device,
    prefetch,
    tokenizer_of,
)
from paretune.models.processor import processor_of
from paretune.models.quantisation import check_quantised
from paretune.models.shapes import ModelShape, find_shape

__all__ = [
    "Head",
    "LoadedModel",
    "ModelShape",
    "base_content",
    "carried_shapes",
    "check_attention",
    "check_quantised",
    "check_reference",
    "find_shape",
    "load_image_model",
    "load_model",
    "makes_pictures",
    "needs_package",
    "on_device",
    "pinned",
    "prefetch",
    "processor_of",
    "tokenizer_of",
]
