"""The device that models run on, and ways to compute that not every machine has."""

import importlib.util
from typing import TYPE_CHECKING

from paretune.spec import InputError

if TYPE_CHECKING:
    import torch


def check_attention(attention: str) -> None:
    """Raise `InputError` unless this machine can compute attention like that."""
    if attention == "flash_attention_2":
        _check_flash_attention(f'recipe: attention = "{attention}"')


def check_package(setting: str, module: str, requirement: str) -> None:
    """Raise `InputError`, opening with `setting`, unless a package is installed. `requirement` is what pip takes."""
    if importlib.util.find_spec(module) is None:
        name = module.replace("_", "-")
        raise InputError(f'{setting} needs {name}; install it with: pip install "{requirement}"')


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


def _check_flash_attention(setting: str) -> None:
    import torch

    if not torch.cuda.is_available():
        raise InputError(f"{setting} needs a CUDA GPU, and this machine has none; leave it out")
    check_package(setting, "flash_attn", "flash-attn")
