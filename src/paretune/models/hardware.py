"""Ways to hold and run a base model that not every machine has: quantised weights, particular kernels of attention."""

import importlib.util
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from paretune.spec import InputError

if TYPE_CHECKING:
    import torch

_FIRST_ON_PROCESSORS = (0, 50)
"""The version of bitsandbytes from which quantised layers were tried here without a GPU."""


def check_hardware(quantisation: str | None, attention: str) -> None:
    """Raise `InputError` unless this machine can hold weights like that and compute attention like that."""
    if quantisation is not None:
        _check_quantisation(f'recipe: quantisation = "{quantisation}"')
    if attention == "flash_attention_2":
        _check_flash_attention(f'recipe: attention = "{attention}"')


def default_device() -> "torch.device":
    """Return the one device on which models are trained and answer: a GPU of any kind where there is one.

    CUDA (also ROCm), then Intel's XPU, then Apple's MPS: the order in which the training loop's `Accelerator` chooses.
    Loading, answers and provenance ask here.
    """
    import torch

    if torch.cuda.is_available():
        return torch.device("cuda")
    if torch.xpu.is_available():
        return torch.device("xpu")
    return torch.device("mps" if torch.backends.mps.is_available() else "cpu")


def device_name() -> str | None:
    """Return the name of the accelerator that `default_device` stands for, or None for a processor."""
    import platform

    import torch

    match default_device().type:
        case "cuda":
            return torch.cuda.get_device_name()
        case "xpu":
            return torch.xpu.get_device_name()
        case "mps":
            return f"Apple GPU ({platform.machine()}, MPS)"
        case _:
            return None


def slowness_note(dtype: str) -> str | None:
    """Return what stands against computing in `dtype` on this machine, None if nothing does.

    torch multiplies matrices of bfloat16 about thirty times slower than float32 on a processor with AVX2 only.
    """
    if dtype == "float32":
        return None
    import torch

    if torch.cuda.is_available() or torch.backends.cpu.get_cpu_capability() != "AVX2":
        return None
    return (
        f"This machine has no GPU, and its processor no instructions for {dtype}: training and answers take 10 to 30 "
        'times longer than in float32. Write dtype = "float32" into the recipe, unless it has to be that.'
    )


def quantised(quantisation: str | None, dtype: str) -> dict[str, Any]:
    """Return the arguments of `from_pretrained` for quantised linear layers; none for None.

    "4bit" is NF4 with double quantisation (QLoRA, arXiv 2305.14314), "8bit" LLM.int8() (arXiv 2208.07339). Products are
    computed in `dtype`, for every method. The model lands on the device where it is trained.
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
    return {"quantization_config": config, "device_map": {"": default_device()}}


def _check_quantisation(setting: str) -> None:
    device = default_device().type
    if device == "mps":
        raise InputError(f"{setting}: bitsandbytes does not support Apple GPUs; leave it out")
    _check_package(setting, "bitsandbytes", "bitsandbytes>=0.50")
    found = version("bitsandbytes")
    if device == "cpu" and tuple(map(int, found.split(".")[:2])) < _FIRST_ON_PROCESSORS:
        raise InputError(
            f"{setting}: without a GPU this needs bitsandbytes 0.50 or later, and {found} is installed; "
            'update it with: pip install "bitsandbytes>=0.50"'
        )


def _check_flash_attention(setting: str) -> None:
    import torch

    if not torch.cuda.is_available():
        raise InputError(f"{setting} needs a CUDA GPU, and this machine has none; leave it out")
    _check_package(setting, "flash_attn", "flash-attn")


def _check_package(setting: str, module: str, requirement: str) -> None:
    if importlib.util.find_spec(module) is None:
        name = module.replace("_", "-")
        raise InputError(f'{setting} needs {name}; install it with: pip install "{requirement}"')
