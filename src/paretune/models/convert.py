"""From one GGUF file to a folder that every reader of safetensors understands."""

import io
from contextlib import redirect_stderr
from pathlib import Path

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from paretune.models.progress import without_bars


def convert_gguf(gguf: Path, folder: Path) -> None:
    """Write the model and tokenizer of a GGUF file to `folder`: float32 safetensors, config and tokenizer files."""
    # The bar of the GGUF reader has no switch; it would fall between the lines that say what goes on.
    with without_bars(), redirect_stderr(io.StringIO()):
        source = str(gguf.parent)
        model = AutoModelForCausalLM.from_pretrained(
            source, gguf_file=gguf.name, dtype=torch.float32, local_files_only=True
        )  # fmt: skip
        tokenizer = AutoTokenizer.from_pretrained(source, gguf_file=gguf.name, local_files_only=True)
        # The weights are plain float32 from here on; transformers still takes the model for a quantised one.
        del model.config.quantization_config
        model.hf_quantizer = None
        model.is_quantized = False
        model.save_pretrained(str(folder))
        tokenizer.save_pretrained(str(folder))
