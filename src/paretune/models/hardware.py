"""Ways to hold and run a base model that not every machine has: quantised weights, particular kernels of attention."""

import importlib.util
from typing import TYPE_CHECKING, Any

from paretune.spec import InputError

if TYPE_CHECKING:
    import torch

_PACKAGES = {"4bit": "bitsandbytes", "8bit": "bitsandbytes", "flash_attention_2": "flash_attn"}


def check_hardware(quantisation: str | None, attention: str) -> None:
    """Raise `InputError` unless this machine can hold weights like that and compute attention like that."""
    _check("quantisation", quantisation)
    _check("attention", attention)


def default_device() -> "torch.device":
    """Return where models are trained and asked: a GPU where there is one."""
    import torch

    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def quantised(quantisation: str | None, dtype: str) -> dict[str, Any]:
    """Return the arguments of `from_pretrained` for quantised linear layers; none for None.

    "4bit" is NF4 with double quantisation (QLoRA, arXiv 2305.14314), "8bit" LLM.int8() (arXiv 2208.07339). Products are
    computed in `dtype`, whatever the method. The model lands on the GPU.
    """
    if quantisation is None:
        return {}
    import torch
    from transformers import BitsAndBytesConfig

    if quantisation == "8bit":
        config = BitsAndBytesConfig(load_in_8bit=True)
    else:
        config = BitsAndBytesConfig(
            load_in_4bit=True,
            bnb_4bit_quant_type="nf4",
            bnb_4bit_use_double_quant=True,
            bnb_4bit_compute_dtype=getattr(torch, dtype),
        )
    return {"quantization_config": config, "device_map": {"": torch.cuda.current_device()}}


def _check(field: str, value: str | None) -> None:
    package = _PACKAGES.get(value or "")
    if package is None:
        return
    import torch

    if not torch.cuda.is_available():
        raise InputError(f'recipe: {field} = "{value}" needs a CUDA GPU, and this machine has none; leave it out')
    if importlib.util.find_spec(package) is None:
        install = package.replace("_", "-")
        raise InputError(f'recipe: {field} = "{value}" needs {install}; install it with: pip install {install}')
