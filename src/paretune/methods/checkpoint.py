"""Reading checkpoint folders: what must be there, and one plain line when it cannot be used."""

import json
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from safetensors import SafetensorError

from paretune.spec import InputError, one_line


class UnusableCheckpoint(InputError):
    """A checkpoint that cannot be read, or does not fit the base model."""


def require_safetensors(folder: Path, config_name: str, weights_pattern: str) -> None:
    """Raise `InputError` unless the folder holds a configuration and safetensors weights: never pickled ones."""
    if not folder.is_dir():
        raise InputError(f"{folder}: no such checkpoint folder")
    if not (folder / config_name).is_file():
        raise InputError(f"{folder}: not a checkpoint ({config_name} is missing)")
    if not any(folder.glob(weights_pattern)):
        if any(folder.glob("*.bin")) or any(folder.glob("*.pt")):
            raise InputError(
                f"{folder}: holds only pickled weights, which are never loaded; save it again as safetensors"
            )
        raise InputError(f"{folder}: not a checkpoint ({weights_pattern} is missing)")


@contextmanager
def reading(folder: Path) -> Iterator[None]:
    """Raise `UnusableCheckpoint`, one line that names the folder, for what goes wrong while a checkpoint is read."""
    try:
        yield
    except InputError:
        raise
    except (
        OSError,
        ValueError,
        TypeError,
        KeyError,
        RuntimeError,
        AttributeError,
        UserWarning,
        SafetensorError,
    ) as error:
        reason = one_line(error)
        shown = reason if len(reason) <= 200 else reason[:197] + "..."
        raise UnusableCheckpoint(
            f"{folder}: the checkpoint cannot be read or does not fit the base model: {type(error).__name__}: {shown}"
        ) from error


@contextmanager
def attaching() -> Iterator[None]:
    """Keep quiet while peft attaches an adapter: it asks models for a property that transformers has renamed."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", ".*is_gradient_checkpointing", FutureWarning)
        yield


def tidy_adapter_config(folder: Path) -> None:
    """Make a saved `adapter_config.json` the same on every machine: peft writes sets in hash order, and cache paths."""
    file = folder / "adapter_config.json"
    config: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    for name in ("target_modules", "exclude_modules", "modules_to_save", "feedforward_modules"):
        if isinstance(config.get(name), list):
            config[name] = sorted(config[name])
    base = config.get("base_model_name_or_path")
    if isinstance(base, str) and Path(base).is_absolute():
        config["base_model_name_or_path"] = None
    file.write_text(json.dumps(config, indent=2, sort_keys=True) + "\n", encoding="utf-8")
