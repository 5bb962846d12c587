"""Where and with what a record is made."""

import os
import platform
import shutil
import subprocess
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import torch

from paretune.models.hardware import device_name
from paretune.spec import Provenance

PACKAGES = ("paretune", "torch", "transformers", "peft", "accelerate", "safetensors", "tokenizers", "numpy")
"""Packages whose version can change a value."""


def collect_provenance(
    *, concurrent_workers: int, model_note: str | None = None, num_devices: int = 1
) -> Provenance:  # fmt: skip
    """Return this process's packages, commit, machine and threads. Torch's version names its build (2.9.0+cu128)."""
    return Provenance(
        **environment(),
        git_commit=paretune_commit(),
        concurrent_workers=concurrent_workers,
        model_note=model_note,
        num_devices=num_devices,
    )


def environment() -> dict[str, Any]:
    """Return what values may depend on next to the trial: packages, Python, platform, device and threads."""
    versions = {name: _version(name) for name in PACKAGES}
    return {
        "packages": {name: number for name, number in versions.items() if number is not None},
        "python": platform.python_version(),
        "platform": _platform(),
        "device": _device(),
        "num_threads": torch.get_num_threads(),
    }


@cache
def paretune_commit() -> str | None:
    """Return the commit of this package's own files, as `git_commit` does, at the first call."""
    return git_commit(Path(__file__).parents[1])


def git_commit(folder: Path) -> str | None:
    """Return the commit that a folder's files come from, with "-dirty" when they differ from it.

    None when they are not under version control: also when an environment with installed packages merely lies inside
    somebody's checkout.
    """
    tracked = _git(folder, "ls-files", "--", ".")
    commit = _git(folder, "rev-parse", "HEAD")
    if not tracked or commit is None:
        return None
    return f"{commit}-dirty" if _git(folder, "status", "--porcelain", "--", ".") else commit


def _git(folder: Path, *arguments: str) -> str | None:
    """Return what git says about a folder, or None where there is no git or it has nothing to say."""
    if shutil.which("git") is None:
        return None
    quiet = os.environ | {"GIT_OPTIONAL_LOCKS": "0"}  # several workers may ask at once
    command = ["git", "-C", str(folder), *arguments]
    answer = subprocess.run(command, capture_output=True, text=True, check=False, env=quiet)
    return answer.stdout.strip() if answer.returncode == 0 else None


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _device() -> str:
    """Return the name of what computes: the GPU's, otherwise the processor's."""
    return device_name() or _cpu_model()


def _platform() -> str:
    """Return system and architecture; with a GPU also the processor, for it sets the pace of small steps."""
    system = f"{platform.system()} {platform.machine()}"
    return f"{system}, {_cpu_model()}" if device_name() else system


def _cpu_model() -> str:
    information = Path("/proc/cpuinfo")
    if information.exists():
        for line in information.read_text(encoding="utf-8").splitlines():
            name, _, value = line.partition(":")
            if name.strip() == "model name":
                return value.strip()
    return platform.processor() or platform.machine()
