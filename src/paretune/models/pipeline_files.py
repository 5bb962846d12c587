"""Folders of text-to-image models: what must be there before one counts as a base model. No weights are read.

Two layouts are known. A pipeline folder as diffusers writes it (`model_index.json` names the class and its parts), of
the class Flux2KleinPipeline. And the small layout of the model that comes with Paretune: `image_model.json` and the
transformer alone, since its pictures are pixels and its captions are hashed words.
"""

import json
from pathlib import Path
from typing import Any

from paretune.models.weights import check_safetensors
from paretune.spec import InputError, one_line

PIPELINE_INDEX = "model_index.json"
SMALL_INDEX = "image_model.json"
PIPELINE_CLASS = "Flux2KleinPipeline"
PARTS = ("transformer", "vae", "text_encoder", "tokenizer", "scheduler")
_WEIGHTS = ("model.safetensors", "diffusion_pytorch_model.safetensors")
_WITH_WEIGHTS = ("transformer", "vae", "text_encoder")


def is_image_folder(folder: Path) -> bool:
    """Tell whether a folder holds a text-to-image model, of any class, complete or not."""
    return (folder / PIPELINE_INDEX).is_file() or (folder / SMALL_INDEX).is_file()


def check_image_folder(folder: Path, reference: str) -> None:
    """Raise `InputError`, naming the reference, for another class of pipeline or a part that is missing."""
    where = f'base model "{reference}"'
    if (folder / SMALL_INDEX).is_file():
        _check_weights(folder / "transformer", where)
        return
    index = read_index(folder / PIPELINE_INDEX)
    found = index.get("_class_name")
    if found != PIPELINE_CLASS:
        raise InputError(f"{where}: {folder / PIPELINE_INDEX} is of a {found}; image tasks know {PIPELINE_CLASS}")
    for part in PARTS:
        if not (folder / part).is_dir():
            raise InputError(f"{where}: the folder {part} is missing in {folder}; save or fetch the pipeline again")
    for part in _WITH_WEIGHTS:
        _check_weights(folder / part, where)


def has_whole_pipeline(folder: Path) -> bool:
    """Tell whether a folder holds an image model with all of its parts."""
    try:
        check_image_folder(folder, "")
    except InputError:
        return False
    return True


def read_index(path: Path) -> dict[str, Any]:
    """Return a file that must hold a JSON object. Raises `InputError` naming it when it does not."""
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: cannot be read as JSON: {one_line(error)[:200]}; fetch the model again") from None
    if not isinstance(value, dict):
        raise InputError(f"{path}: must hold a JSON object; fetch the model again")
    return value


def _check_weights(folder: Path, where: str) -> None:
    if not (folder / "config.json").is_file():
        raise InputError(f"{where}: no config.json in {folder}; save or fetch the model again")
    check_safetensors(folder, where, _WEIGHTS)
