"""What a folder must hold before it counts as a base model. No weights are read."""

import json
from collections.abc import Sequence
from pathlib import Path

from paretune.spec import InputError, one_line

_SINGLE = "model.safetensors"


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
    check_safetensors(folder, where, (_SINGLE,))


def check_safetensors(folder: Path, where: str, names: Sequence[str]) -> None:
    """Raise `InputError`, beginning with `where`, unless a folder has weights under one of these names, all parts."""
    if any((folder / name).is_file() for name in names):
        return
    index = next((path for name in names if (path := folder / f"{name}.index.json").is_file()), None)
    if index is None:
        raise InputError(
            f"{where}: no {names[-1]} in {folder}; only safetensors are read: save the model with save_pretrained again"
        )
    for name in sorted(_parts(index)):
        if not (folder / name).is_file():
            raise InputError(
                f"{where}: {name} is missing in {folder}, though {index.name} names it; fetch the model again"
            )


def _parts(index: Path) -> set[str]:
    try:
        return set(json.loads(index.read_text(encoding="utf-8"))["weight_map"].values())
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(f"{index}: not an index of safetensors: {one_line(error)}; fetch the model again") from None
