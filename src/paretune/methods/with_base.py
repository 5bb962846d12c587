"""An adapter in one folder with its base model: such a folder transformers loads by itself, and so does its server."""

import shutil
from pathlib import Path
from typing import Any

TRANSFORMERS = "transformers 5.23"
"""The version whose rules these are: without the base model's files, its server cannot load a folder."""


def write_with_base(model: Any, tokenizer: Any, checkpoint: Path, out: Path) -> None:
    """Write a base model of transformers and an adapter of peft's into a folder. Changes nothing of the checkpoint."""
    model.save_pretrained(str(out), safe_serialization=True)
    if tokenizer is not None:
        tokenizer.save_pretrained(str(out))
    shutil.copyfile(checkpoint / "adapter_config.json", out / "adapter_config.json")
    for file in sorted(checkpoint.glob("adapter_model*.safetensors")):
        shutil.copyfile(file, out / file.name)


def not_for_transformers(checkpoint: Path) -> str | None:
    """Return why transformers does not load an adapter by itself, or None. Reads its configuration alone.

    Source: `inject_adapter_in_model` of peft, which transformers calls.
    """
    from peft import PeftConfig

    config: Any = PeftConfig.from_pretrained(str(checkpoint))
    if config.is_prompt_learning or config.is_adaption_prompt:
        return "it puts something in front of the text, and transformers loads what changes layers only"
    return None
