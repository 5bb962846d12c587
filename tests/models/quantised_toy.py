"""A toy on disk whose configuration says that its weights are quantised, though they are not."""

import json
from pathlib import Path
from typing import Any

from paretune.models import load_model


def save_as_quantised(folder: Path, settings: dict[str, Any]) -> str:
    """Save it with these settings as its `quantization_config`, and return its reference."""
    toy = load_model("toy:llama")
    toy.model.save_pretrained(folder)
    toy.tokenizer.save_pretrained(folder)
    file = folder / "config.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | {"quantization_config": settings}))
    return f"path:{folder}"
