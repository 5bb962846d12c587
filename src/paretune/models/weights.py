"""What a folder must hold before it counts as a base model. No weights are read."""

import json
from pathlib import Path

from paretune.spec import InputError, one_line

_SINGLE = "model.safetensors"
_INDEX = "model.safetensors.index.json"


def has_whole_weights(folder: Path) -> bool:
    """Tell whether a folder has a config and every file of its weights."""
    try:
        check_weights(folder, "")
    except InputError:
        return False
    return True


def check_weights(folder: Path, reference: str) -> None:
    """Raise `InputError`, naming the reference, when a folder lacks the config, safetensors, or a part of them."""
    where = f'base model "{reference}"'
    if not folder.is_dir():
        raise InputError(f"{where}: no such folder {folder}; give the folder that holds config.json")
    if not (folder / "config.json").is_file():
        raise InputError(f"{where}: no config.json in {folder}; give the folder that save_pretrained wrote")
    if (folder / _SINGLE).is_file():
        return
    if not (folder / _INDEX).is_file():
        raise InputError(
            f"{where}: no {_SINGLE} in {folder}; only safetensors are read: save the model with save_pretrained again"
        )
    for name in sorted(_parts(folder / _INDEX)):
        if not (folder / name).is_file():
            raise InputError(f"{where}: {name} is missing in {folder}, though {_INDEX} names it; fetch the model again")


def _parts(index: Path) -> set[str]:
    try:
        return set(json.loads(index.read_text(encoding="utf-8"))["weight_map"].values())
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(f"{index}: not an index of safetensors: {one_line(error)}; fetch the model again") from None
