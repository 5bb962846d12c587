"""From a reference to an image model: its transformer, which is fine-tuned, and its codec, which is not."""

from pathlib import Path
from typing import Any

import torch

from paretune.models.codec import Codec
from paretune.models.klein_codec import KleinCodec
from paretune.models.pipeline_files import PIPELINE_INDEX, SMALL_INDEX, read_index
from paretune.models.pixel_codec import PixelCodec
from paretune.models.progress import without_bars
from paretune.spec import InputError, one_line


def load_codec(folder: Path, dtype: str) -> Codec:
    """Return the codec of the image model in a folder."""
    number_format = getattr(torch, dtype)
    if (folder / PIPELINE_INDEX).is_file():
        return KleinCodec(folder, number_format)
    side_pixels = read_index(folder / SMALL_INDEX).get("side_pixels")
    if not isinstance(side_pixels, int):
        raise InputError(f"{folder / SMALL_INDEX}: side_pixels must be a whole number; install Paretune again")
    return PixelCodec(number_format, side_pixels)


def load_transformer(folder: Path, dtype: str, reference: str) -> Any:
    """Return the transformer of the image model in a folder, in eval mode on the CPU, with weights in `dtype`.

    Raises `InputError` when the files cannot be used.
    """
    from diffusers import Flux2Transformer2DModel

    source = folder / "transformer"
    try:
        with without_bars():
            model, report = Flux2Transformer2DModel.from_pretrained(
                str(source),
                torch_dtype=getattr(torch, dtype),
                use_safetensors=True,
                local_files_only=True,
                output_loading_info=True,
            )
    except (OSError, ValueError, KeyError, TypeError, RuntimeError) as error:
        raise InputError(
            f'base model "{reference}": {source} cannot be read as a Flux2Transformer2DModel: {one_line(error)[:200]}; '
            "fetch or save it again"
        ) from None
    if missing := sorted(report["missing_keys"]):
        raise InputError(
            f'base model "{reference}": {len(missing)} weights are missing in {source}, such as {missing[0]}; fetch or '
            "save the model again"
        )

    return model.eval()


def transformer_from_config(folder: Path, reference: str) -> Any:
    """Return the transformer as its configuration says, its weights not read.

    Raises `InputError` when the configuration cannot be used.
    """
    from diffusers import Flux2Transformer2DModel

    try:
        config = Flux2Transformer2DModel.load_config(str(folder / "transformer"), local_files_only=True)
        return Flux2Transformer2DModel.from_config(config)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(
            f'base model "{reference}": {folder / "transformer"} cannot be read as a Flux2Transformer2DModel: '
            f"{one_line(error)[:200]}; fetch or save it again"
        ) from None
